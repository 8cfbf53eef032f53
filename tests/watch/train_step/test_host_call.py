"""What a call of the host from inside the step answers: when it fails too, and when the host is gone."""

import contextlib
import gc
import weakref
from collections.abc import Callable, Iterator

import keras
import pytest
import tensorflow as tf

from nanwatch.watch.train_step.host_call import call_host
from nanwatch.watch.train_step.traced_step import CatchErrors

pytestmark = pytest.mark.tensorflow


class Noted:
    """Catches errors as the recorder of a run does."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []

    @property
    def catch_errors(self) -> CatchErrors:
        return self.catch

    @contextlib.contextmanager
    def catch(self, doing: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.errors.append((doing, str(error)))


def add(noted: Noted, a: object, b: object) -> int:
    return int(str(a)) + int(str(b))


def fails(noted: Noted, *arrays: object) -> int:
    raise ArithmeticError("a fault of our own")


def adding(noted: Noted, function: Callable[..., int] = add) -> Callable[..., tf.Tensor]:
    """A step that does not hold ``noted`` itself."""
    found = weakref.ref(noted)

    def step(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        host = found()
        assert host is not None
        return call_host(host, function, [a, b], 7, "adding")

    return step


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("function", "answer", "errors"),
    [(add, 5, []), (fails, 7, [("adding", "a fault of our own")])],
)
def test_the_answer_or_the_default(
    compiled: bool, function: Callable[..., int], answer: int, errors: list[tuple[str, str]]
) -> None:
    noted = Noted()
    step = adding(noted, function)
    run = tf.function(step, autograph=False) if compiled else step
    result = run(tf.constant(2), tf.constant(3))
    assert (result.dtype, result.shape.rank, int(result)) == (tf.int64, 0, answer)
    assert noted.errors == errors


def test_what_ends_the_process_is_not_held_up() -> None:
    """An error is nanwatch's own; a KeyboardInterrupt in the middle of it is the user's."""

    def interrupted(noted: Noted, *arrays: object) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_host(Noted(), interrupted, [tf.constant(1)], 0, "waiting")


def test_a_host_that_is_gone_is_answered_for() -> None:
    noted = Noted()
    run = tf.function(adding(noted), autograph=False)
    assert int(run(tf.constant(2), tf.constant(3))) == 5
    left = weakref.ref(noted)
    del noted
    gc.collect()
    assert left() is None
    assert int(run(tf.constant(2), tf.constant(3))) == 7


def test_a_step_goes_on_when_the_session_is_cleared() -> None:
    """TensorFlow then forgets what a function calls."""
    noted = Noted()
    run = tf.function(adding(noted), autograph=False)
    run(tf.constant(2), tf.constant(3))
    keras.backend.clear_session()
    gc.collect()
    assert int(run(tf.constant(4), tf.constant(3))) == 7 == int(run(tf.constant(3), tf.constant(4)))
    assert int(run(tf.constant(1), tf.constant(1))) == 2
