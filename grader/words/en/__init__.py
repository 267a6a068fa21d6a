"""English, in which the questions, their hints and their mistakes are written: it needs no tables for those."""
