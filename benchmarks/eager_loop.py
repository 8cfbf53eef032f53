"""What watching costs an eager loop, and an eager ``fit``, in turns with a bare one.
``python -m benchmarks.eager_loop``.

Nothing of an eager step is compiled, so that all of nanwatch's own ops and the keeping of the script's count
in full. ``without ops`` is the same watch that keeps no op for an autopsy.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

WARM_UP = 12  # steps of a turn that are not measured
VARIANTS = ("bare", "watched", "without ops")
Turn = Callable[[int], float]  # so many steps, and the seconds of CPU that they took


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eager_loop", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=60, help="Steps a turn.")
    given = parser.parse_args()
    for name, turn in (("eager loop", loop_turn()), ("eager fit", fit_turn())):
        cpu: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _ in range(given.rounds):
            for variant in VARIANTS:
                with watching(variant):
                    cpu[variant].append(turn(given.steps) / given.steps)
        show(name, cpu)


def show(name: str, cpu: dict[str, list[float]]) -> None:
    print(f"{name:<14}{'CPU ms/step':>12}{'ratio':>8}{'min':>8}{'max':>8}")
    for variant in VARIANTS:
        ratios = [one / bare for one, bare in zip(cpu[variant], cpu["bare"], strict=True)]
        spread = f"{statistics.median(ratios):>8.2f}{min(ratios):>8.2f}{max(ratios):>8.2f}"
        print(f"  {variant:<12}{1000 * statistics.median(cpu[variant]):>12.2f}{spread}")
    kept = [one / other for one, other in zip(cpu["watched"], cpu["without ops"], strict=True)]
    print(f"  keeping the ops: {statistics.median(kept):.2f} ({min(kept):.2f} to {max(kept):.2f})")


def small_network() -> Any:
    """Of the time of its step most is Python's."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(64, activation="relu") for _ in range(4)]
    return keras.Sequential([keras.Input((16,)), *layers, keras.layers.Dense(1)])


def fit_turn() -> Turn:
    import keras
    import tensorflow as tf

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        began = ended = 0.0

        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            if batch == WARM_UP:
                self.began = time.process_time()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            self.ended = time.process_time()

    clock = Clock()
    x, y = tf.random.normal([64, 16]), tf.random.normal([64, 1])

    def turn(steps: int) -> float:
        model = small_network()  # each time a new one: what a watched fit has made stays on the model
        model.compile("adam", "mse", run_eagerly=True)
        data = tf.data.Dataset.from_tensors((x, y)).repeat(WARM_UP + steps)
        model.fit(data, verbose=0, shuffle=False, callbacks=[clock])
        return clock.ended - clock.began

    return turn


def loop_turn() -> Turn:
    import keras
    import tensorflow as tf

    model = small_network()
    optimizer, loss = keras.optimizers.Adam(1e-3), keras.losses.MeanSquaredError()
    x, y = tf.random.normal([64, 16]), tf.random.normal([64, 1])

    def step() -> None:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    def turn(steps: int) -> float:
        for _ in range(WARM_UP):
            step()
        before = time.process_time()
        for _ in range(steps):
            step()
        return time.process_time() - before

    return turn


@contextlib.contextmanager
def watching(variant: str) -> Iterator[None]:
    """The seams of a run are taken in this block, unless it is to be bare."""
    import keras

    from nanwatch.watch import import_hook
    from nanwatch.watch.recording.run_recorder import RunRecorder
    from nanwatch.watch.train_step.eager_ops import EagerOps

    if variant == "bare":
        yield
        return
    nothing: Any = mock.patch.object(EagerOps, "start", return_value=None)
    with (
        tempfile.TemporaryDirectory() as folder,
        nothing if variant == "without ops" else contextlib.nullcontext(),
    ):
        recorder = RunRecorder(Path(folder), "loop.py", ())
        import_hook.take_seams(keras, recorder, "raise")
        try:
            yield
        finally:
            recorder.end("finished", 0)


if __name__ == "__main__":
    main()
