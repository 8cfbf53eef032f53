"""The pairs of Keras and TensorFlow that are tried."""

from __future__ import annotations

from dataclasses import dataclass

ON_PYTHON_3_12 = (3, 12)
ON_PYTHON_3_13 = (3, 13)


@dataclass(frozen=True)
class Pair:
    """``python`` is the newest that this TensorFlow is built for. Without versions: those of the day."""

    keras: str
    tensorflow: str
    python: tuple[int, int]

    @property
    def name(self) -> str:
        """ "3.3/2.16": as it is asked for."""
        if not self.keras:
            return "newest"
        return "/".join(".".join(version.split(".")[:2]) for version in (self.keras, self.tensorflow))


PAIRS = (
    Pair("3.0.5", "2.16.1", ON_PYTHON_3_12),
    Pair("3.3.3", "2.16.2", ON_PYTHON_3_12),
    Pair("3.5.0", "2.17.1", ON_PYTHON_3_12),
    Pair("3.6.0", "2.18.1", ON_PYTHON_3_12),
    Pair("3.15.1", "2.18.1", ON_PYTHON_3_12),
    Pair("3.9.2", "2.19.1", ON_PYTHON_3_12),
    Pair("3.11.3", "2.20.0", ON_PYTHON_3_13),
    Pair("", "", ON_PYTHON_3_13),
)


def oldest_for(python: tuple[int, int]) -> Pair:
    """Of Keras 3.3 and later, which those have who never chose a version: the oldest that this Python has."""
    return next(pair for pair in PAIRS[1:] if python <= pair.python)
