"""A snapshot brought back: the bad step once more, long after the run."""
