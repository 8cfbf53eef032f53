"""TensorFlow's public names; it is imported when one is first used: Keras may run on another backend."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any


class PublicTensorFlow:
    """Stands for the package ``tensorflow``."""

    module: ModuleType | None = None  # once it was asked for: a script may empty ``sys.modules``

    def __getattr__(self, name: str) -> Any:
        if self.module is None:
            self.module = importlib.import_module("tensorflow")
        return getattr(self.module, name)


if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = PublicTensorFlow()

__all__ = ["is_dataset", "is_end_of_data", "is_op_error", "tf"]


def is_there() -> bool:
    """Whether it has been imported, by whomever: nothing of it is to be met where it has not."""
    return "tensorflow" in sys.modules


def is_dataset(thing: object) -> bool:
    """Whether it is a data set of ``tf.data``, which other backends train on too."""
    return is_there() and isinstance(thing, tf.data.Dataset)


def is_op_error(error: BaseException) -> bool:
    """Whether an op of TensorFlow's has failed."""
    return is_there() and isinstance(error, tf.errors.OpError)


def is_end_of_data(error: BaseException) -> bool:
    """Whether a data set of TensorFlow's has come to its end."""
    return is_there() and isinstance(error, tf.errors.OutOfRangeError)
