"""English.  It needs no tables for questions and mistakes, which are themselves written in English."""
