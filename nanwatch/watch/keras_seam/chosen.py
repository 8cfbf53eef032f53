"""Which Keras this process trains with, and its public names: every room takes ``keras`` from here.

The script says it by what it makes first: a layer, an optimizer or a model of Keras 2 (``tf_keras``) or of
Keras 3. To import one says nothing, since TensorFlow imports Keras 3 by itself.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Final, Literal

Kind = Literal[2, 3]
PACKAGES: Final[dict[Kind, str]] = {2: "tf_keras", 3: "keras"}
LEGACY = "TF_USE_LEGACY_KERAS"  # by which TensorFlow takes Keras 2 for its ``tf.keras``
YES = ("1", "true", "True")


class Settled:
    """What is known of it; of this process."""

    kind: Kind | None = None  # None: not yet


def settle(kind: Kind) -> None:
    """From here on it is this one."""
    Settled.kind = kind


def chosen() -> Kind:
    """The one that is settled, or else the one that the script seems to want."""
    if Settled.kind is not None:
        return Settled.kind
    only_two = "tf_keras" in sys.modules and "keras" not in sys.modules
    return 2 if only_two or os.environ.get(LEGACY) in YES else 3


def kind_of(thing: object) -> Kind:
    """Of which Keras the class of ``thing`` comes."""
    classes = type(thing).__mro__
    return 2 if any(cls.__module__.partition(".")[0] == "tf_keras" for cls in classes) else 3


def package() -> str:
    """The name of its package."""
    return PACKAGES[chosen()]


class ChosenKeras:
    """The public names of the one that is chosen; Keras 2 by those of Keras 3."""

    def __init__(self) -> None:
        self.three: Any = None  # Keras 3, once it was asked for: a script may empty ``sys.modules``

    def __getattr__(self, name: str) -> Any:
        if chosen() == 3:
            self.three = self.three or importlib.import_module("keras")
            return getattr(self.three, name)
        from nanwatch.watch.keras_seam import keras2_names

        return keras2_names.find(name)


keras: Any = ChosenKeras()
WATCHED_BACKENDS = ("tensorflow", "jax", "torch")


def backend() -> str:
    """What Keras computes with, by the name that ``KERAS_BACKEND`` gives it. Imports Keras."""
    return "tensorflow" if chosen() == 2 else str(keras.backend.backend())


def is_on_tensorflow() -> bool:
    """Whether Keras computes with TensorFlow, so that there is one, which may be imported."""
    return backend() == "tensorflow"
