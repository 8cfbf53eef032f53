"""Trainings as people write them, each run as a process of its own, bare and watched."""
