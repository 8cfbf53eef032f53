"""What watching costs. ``python -m benchmarks.overhead``."""
