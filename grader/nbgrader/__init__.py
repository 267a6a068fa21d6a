"""Everything that knows nbgrader, nbconvert's exporters or the gradebook's tables; nothing else in the package does."""
