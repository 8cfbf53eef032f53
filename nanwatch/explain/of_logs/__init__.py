"""Words for logs that nanwatch did not write: what is seen, what it may be, and what would tell."""
