"""Every error that nanwatch raises on purpose: one sentence, exit status 2."""

from __future__ import annotations


class NanwatchError(Exception):
    """The base of nanwatch's own errors: what was looked for, and what to do."""


class RunNotFound(NanwatchError):
    """No run where one was looked for."""


class RunUnreadable(NanwatchError):
    """A run folder that is damaged, foreign, or of a newer format."""


class LogUnreadable(NanwatchError):
    """A log of another program's that tells of no training, or is too large to be read."""


class ScriptUnreadable(NanwatchError):
    """A script that is to be read beside a log, and cannot be."""


class ScriptNotFound(NanwatchError):
    """The script or module that was to be run does not exist."""


class UnknownRule(NanwatchError):
    """A rule code that no rule has."""


class BadConfig(NanwatchError):
    """A setting in pyproject.toml or in the environment that cannot be used."""


class TensorFlowMissing(NanwatchError, ImportError):
    """There is no TensorFlow here, which is the user's to choose: its package has many names."""

    def __init__(self) -> None:
        super().__init__(
            "No TensorFlow or Keras was found in this Python environment: install the one that your training "
            "uses, or the newest with `pip install 'nanwatch[tensorflow]'`."
        )


class TrainingHalted(RuntimeError):
    """Leaves ``fit()`` at the first non-finite step when ``on_incident="raise"``.

    Not a fault of nanwatch's and so not a ``NanwatchError``: it is the news.
    """


class SecretLeftOut(NanwatchError):
    """The record does not hold an argument that looks like a secret."""
