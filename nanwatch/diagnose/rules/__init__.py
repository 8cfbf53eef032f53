"""One file a rule; found, not listed; none imports another."""
