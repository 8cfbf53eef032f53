"""A script mended: run under watch, changed as a trial has proven, run again, until it learns."""
