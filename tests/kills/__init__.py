"""Processes that write a run are killed at random instants, and what is left is read."""
