"""The open run folder: the run, its fits, their series, what the script saves."""
