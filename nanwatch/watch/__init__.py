"""Script to run: watches a training and writes what it saw. Knows TensorFlow, and no rule."""
