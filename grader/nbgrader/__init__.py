"""The only part of the package that knows nbgrader, nbconvert's exporters and the gradebook's tables."""
