"""What a script's own code says and writes while nanwatch runs it again: nothing."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from nanwatch.replay.attribute import attribute
from nanwatch.watch.model.description import suppress_warnings


@contextmanager
def quiet() -> Iterator[None]:
    """No print, ``tf.print`` or warning of the block is seen, and no summary is written for TensorBoard.

    A function that was traced before the block keeps its ops: it is to be traced anew.
    """

    def printed(*args: object, **kwargs: object) -> tf.Operation | None:
        return None if tf.executing_eagerly() else tf.no_op()

    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        tf.summary.record_if(False),
        attribute(tf, "print", printed),
        suppress_warnings(),
    ):
        yield
