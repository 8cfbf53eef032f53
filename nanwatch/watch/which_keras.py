"""Takes the seams of the Keras that the script trains with, of the two that a process may have."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nanwatch.record.notes import OtherKeras
from nanwatch.watch.keras_seam import chosen
from nanwatch.watch.keras_seam.chosen import Kind
from nanwatch.watch.keras_seam.patches import Patches
from nanwatch.watch.keras_seam.seams import Taker, take
from nanwatch.watch.launch.own_modules import own_imports
from nanwatch.watch.recording.run_recorder import RunRecorder

TakeSeams = Callable[[ModuleType], None]
Make = Callable[..., Any]  # a class's ``__new__``


@dataclass
class WhichKeras:
    """Of a process: told of each Keras that has been imported, by `arrived`.

    TensorFlow imports Keras 3 by itself, so that its seams are taken first; with the first layer or
    optimizer that the script makes of Keras 2 they are exchanged for that one's, unless it has made some of
    Keras 3 before.
    """

    recorder: RunRecorder
    take_seams: TakeSeams
    record_construction: Make

    def __post_init__(self) -> None:
        self.other = Patches()  # on the one that is not watched
        self.recorder.patches.enter(self.other)

    def arrived(self, kind: Kind, module: ModuleType) -> None:
        if kind == chosen.chosen():
            self.begin(kind, module)
        else:
            self.look_out()

    def begin(self, kind: Kind, module: ModuleType) -> None:
        if kind == 2:
            chosen.settle(2)
        with own_imports(), self.recorder.catch_errors("taking Keras's seams"):
            self.take_seams(module)

    def look_out(self) -> None:
        """See what is made and trained of the one that is not watched now."""
        with own_imports(), self.recorder.catch_errors("looking out for another Keras"):
            self.other.undo()
            seen = {
                f"the other Keras.{path}": wrapper
                for path, wrapper in {
                    "layers.Layer.__new__": self.made,
                    "optimizers.Optimizer.__new__": self.made,
                    "optimizers.legacy.Optimizer.__new__": self.made,
                    "Model.fit": self.trained,
                    "Model.train_on_batch": self.trained,
                }.items()
            }
            take(self.other, Taker.OTHER, seen)

    def made(self, original: Make, cls: type, /, *args: object, **kwargs: object) -> Any:
        if chosen.Settled.kind is None:
            self.exchange()
            return self.record_construction(original, cls, *args, **kwargs)
        return original(cls, *args, **kwargs)

    def trained(self, original: Callable[..., Any], model: object, /, *args: object, **kwargs: object) -> Any:
        self.recorder.note_not_watched(OtherKeras())
        return original(model, *args, **kwargs)

    def exchange(self) -> None:
        """The script makes something of Keras 2, and has made nothing of Keras 3."""
        self.other.undo()
        self.recorder.of_keras.undo()
        self.begin(2, sys.modules["tf_keras"])
        if "keras" in sys.modules:
            self.look_out()
