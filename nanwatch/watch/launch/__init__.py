"""The script, run as ``python`` would run it, and which of its lines made what."""
