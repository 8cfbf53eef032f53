"""What a callback of nanwatch's is made of: each Keras calls it, whichever it was made for."""

from __future__ import annotations

from typing import ClassVar

from nanwatch.watch.keras_seam.chosen import keras


class EitherCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """A callback of the Keras that is chosen when this is imported, with what Keras 2 asks of its own."""

    _chief_worker_only: ClassVar[bool | None] = None
    _supports_tf_logs: ClassVar[bool] = False

    def _implements_train_batch_hooks(self) -> bool:
        return self.overrides("on_train_batch_begin", "on_train_batch_end")

    def _implements_test_batch_hooks(self) -> bool:
        return self.overrides("on_test_batch_begin", "on_test_batch_end")

    def _implements_predict_batch_hooks(self) -> bool:
        return False

    def overrides(self, *names: str) -> bool:
        return any(getattr(type(self), name) is not getattr(EitherCallback, name) for name in names)
