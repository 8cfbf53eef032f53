"""What a call of the host from inside the step answers, when it fails too."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
import tensorflow as tf

from nanwatch.watch.train_step.host_call import call_host

pytestmark = pytest.mark.tensorflow


class Noted:
    """Catches errors as the recorder of a run does."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []

    @contextlib.contextmanager
    def catch(self, doing: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.errors.append((doing, str(error)))


def fails(*arrays: object) -> int:
    raise ArithmeticError("a fault of our own")


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("function", "answer", "errors"),
    [(lambda a, b: int(a) + int(b), 5, []), (fails, 7, [("adding", "a fault of our own")])],
)
def test_the_answer_or_the_default(
    compiled: bool, function: Callable[..., int], answer: int, errors: list[tuple[str, str]]
) -> None:
    noted = Noted()

    def step(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return call_host(function, [a, b], 7, noted.catch, "adding")

    run = tf.function(step, autograph=False) if compiled else step
    result = run(tf.constant(2), tf.constant(3))
    assert (result.dtype, result.shape.rank, int(result)) == (tf.int64, 0, answer)
    assert noted.errors == errors


def test_what_ends_the_process_is_not_held_up() -> None:
    """An error is nanwatch's own; a KeyboardInterrupt in the middle of it is the user's."""

    def interrupted(*arrays: object) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_host(interrupted, [tf.constant(1)], 0, Noted().catch, "waiting")
