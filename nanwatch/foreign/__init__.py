"""LOGS THAT NANWATCH DID NOT WRITE: a console log, a CSV, an event file -> what is seen -> what it may be.

Standard library only. ``reading`` makes a `Log` of a file, ``script`` reads the lines of a training script,
``course`` says what a training did, ``suspicions`` which faults fit that. The words are made in ``explain``.
"""
