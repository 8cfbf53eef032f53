"""Batches, labels and arrays: counted and profiled."""
