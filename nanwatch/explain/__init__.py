"""Diagnoses into words: one renderer a format, each ``render(report) -> str``."""
