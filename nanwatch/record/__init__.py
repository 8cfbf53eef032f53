"""A run, on disk: the wall between measuring and thinking. Standard library only."""
