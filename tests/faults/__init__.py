"""Faults put into the ops that nanwatch adds to a step: none of them reaches the script."""
