"""What is promised, how often it was tried, and what came of it."""
