"""Every form of Keras's progress bar comes to the same epochs; what only looks like one comes to none."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from nanwatch.foreign.log import Progress, Remark, Training
from nanwatch.foreign.reading.console import read_console
from nanwatch.foreign.reading.terminal_text import BREAKS, plain

VALUES = ((0.69, 0.5), (0.5, 0.75), (math.nan, 0.5))
HEADS = ("Epoch 1/3", "Epoch 2/3", "Epoch 3/3")
BOLD, OFF, GREEN, GREY = "\x1b[1m", "\x1b[0m", "\x1b[32m", "\x1b[37m"


def told(loss: float, share: float, name: str = "acc") -> str:
    return f"loss: {loss:.4f} - {name}: {share:.4f} - val_loss: {loss:.4f} - val_{name}: {share:.4f}"


FORMS = {
    "1.2, verbose=2": "3s - {told}",
    "2.0, verbose=1": "60000/60000 [==============================] - 12s - {told}",
    "2.1, verbose=1": "60000/60000 [==============================] - 621s 232us/step - {told}",
    "2.3, verbose=2": " - 12s - {told}",
    "tf.keras 2.1": "2682/2682 [==============================] - 3s 1ms/sample - {told}",
    "tf.keras 2.1, verbose=2": "2682/2682 - 3s - {told}",
    "tf.keras 2.4, verbose=2": "84/84 - 3s - {told}",
    "tf.keras 2.11, verbose=2": "84/84 - 3s - {told} - 3s/epoch - 37ms/step",
    "3, verbose=1": f"{BOLD}84/84{OFF} {GREEN}━━━━━━━━{OFF}{GREY}{OFF} {BOLD}4s{OFF} 17ms/step - {{told}}",
    "3, verbose=2": "84/84 - 0s - 6ms/step - {told}",
    "3, escapes lost": "[1m84/84[0m [32m━━━━━━━━━━━━━━━━━━━━[0m[37m[0m [1m4s[0m 17ms/step - {told}",
    "GitHub's times": "2026-05-01T12:00:00.1234567Z 84/84 - 3s - {told}",
    "docker's names": "trainer_1  | 84/84 [==============================] - 4s 17ms/step - {told}",
    "dashes of a word processor": "84/84 [==============================] – 4s 17ms/step – {told}",
    "blanks lost": "2682/2682[==============================]-621s 232ms / step-{told}",
}


def text_of(line: str) -> str:
    rows = zip(HEADS, VALUES, strict=True)
    return "\n".join(f"{head}\n{line.format(told=told(*values))}" for head, values in rows)


def lines(text: str) -> Iterator[str]:
    return filter(None, map(plain, BREAKS.split(text)))


def one(text: str) -> Training:
    (training,) = read_console(lines(text)).trainings
    return training


@pytest.mark.parametrize("form", FORMS)
def test_the_forms(form: str) -> None:
    training = one(text_of(FORMS[form]))
    assert training.planned == 3
    assert [epoch.number for epoch in training.epochs] == [1, 2, 3]
    assert training.names() == ("loss", "acc", "val_loss", "val_acc")
    for epoch, (loss, share) in zip(training.epochs, VALUES, strict=True):
        assert list(epoch.values.values()) == pytest.approx([loss, share, loss, share], nan_ok=True)


def test_the_head_on_the_line_of_the_bar() -> None:
    text = "\n".join(f"{head} {FORMS['2.1, verbose=1'].format(told=told(0.5, 0.5))}" for head in HEADS)
    assert [epoch.loss for epoch in one(text).epochs] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("史诗1/6", "2682/2682 [====]-621s 232ms / step-损失:1.5150-准确度:0.7662-val_loss :0.4117"),
        (
            "Época 1/6",
            "100/100 [=====] – 3s 50ms/passo – perda: 1,5150 – acurácia: 0,7662 – val_loss: 0,4117",
        ),
        (
            "Epoche 1/6",
            "100/100 [=====] - 3s 50ms/Schritt - Verlust: 1.5150 - Genauigkeit: 0.7662 - val_loss: 0.4117",
        ),
        ("Эпоха 1/6", "100/100 [=====] - 3с - потери: 1.5150 - точность: 0.7662 - val_loss: 0.4117"),
    ],
)
def test_translated_by_a_machine(head: str, line: str) -> None:
    (epoch,) = one(f"{head}\n{line}").epochs
    assert dict(epoch.values) == {"loss": 1.515, "accuracy": 0.7662, "val_loss": 0.4117}


def test_a_bar_drawn_with_backspaces_tells_the_step() -> None:
    back = "\b" * 60
    text = (
        f"Epoch 1/1\n  32/1000 [>.....] - ETA: 5s - loss: 0.7000{back}"
        f"\r 320/1000 [===>..] - ETA: 3s - loss: 0.6000"
        f"{back}\r 352/1000 [===>..] - ETA: 3s - loss: nan{back}"
        f"\r1000/1000 [======] - 5s 5ms/step - loss: nan\n"
    )
    (epoch,) = one(text).epochs
    assert epoch.last_finite == Progress(320, 1000)
    assert epoch.first_bad == Progress(352, 1000)
    assert epoch.is_bad()


def test_an_unknown_number_of_steps() -> None:
    text = (
        "Epoch 1/1\n 1/Unknown - 1s 1s/step - loss: 0.9000\n 40/Unknown - 3s 50ms/step - loss: 0.5000\n"
        "40/40 [=====] - 3s 50ms/step - loss: 0.5000 - val_loss: 0.4000\n"
    )
    (epoch,) = one(text).epochs
    assert dict(epoch.values) == {"loss": 0.5, "val_loss": 0.4}
    assert epoch.progress == Progress(40, 40)


BAR = "63/63 [==============================] - 3s 50ms/step - loss: {} - accuracy: {}"


@pytest.mark.parametrize(
    "behind",
    [
        BAR.format("9.4000", "0.1000"),  # an evaluation on as many batches
        "32/32 [==============================] - 0s 2ms/step - loss: 9.4000 - accuracy: 0.1000",
        " 1/63 [..............................] - ETA: 0s - loss: 9.4\n" + BAR.format("9.4000", "0.1000"),
        "Test loss: nan\nTest accuracy: 0.1",
        "Epoch 1: val_loss improved from inf to 9.40000, saving model to best.keras",
        "Epoch 00001: early stopping",
        "learning rate: 0.001",
    ],
)
def test_what_follows_an_epoch_is_not_of_it(behind: str) -> None:
    (epoch,) = one(f"Epoch 1/1\n{BAR.format('0.5000', '0.8000')}\n{behind}\n").epochs
    assert dict(epoch.values) == {"loss": 0.5, "accuracy": 0.8}


def test_a_last_epoch_that_was_cut_off_counts_with_what_was_seen() -> None:
    text = (
        "Epoch 1/2\n" + BAR.format("0.5000", "0.8000") + "\nEpoch 2/2\n 7/63 [=>....] - ETA: 3s - loss: nan\n"
    )
    first, last = one(text).epochs
    assert (first.loss, last.is_bad(), last.progress) == (0.5, True, Progress(7, 63))


def test_several_trainings() -> None:
    text = "\n".join(f"{head}\n{BAR.format(loss, 0.5)}" for loss in ("0.5", "nan") for head in HEADS[:2])
    first, second = read_console(lines(text)).trainings
    assert [epoch.loss for epoch in first.epochs] == [0.5, 0.5]
    assert all(epoch.is_bad() for epoch in second.epochs)


def test_lines_without_heads() -> None:
    training = one("\n".join("84/84 - 3s - loss: 0.5 - accuracy: 0.7" for _ in range(3)))
    assert [epoch.number for epoch in training.epochs] == [1, 2, 3]
    assert training.planned is None


def test_prints_of_a_loop() -> None:
    assert [
        epoch.loss for epoch in one("Epoch 1: loss=0.9, acc=0.40\nEpoch 2: loss=0.7, acc=0.5").epochs
    ] == [0.9, 0.7]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no numbers",
        "12:30:01 INFO started",
        "Epoch 1/5\n",
        "accuracy: 0.5",
        "Batch loss: 0.5",
        "[2/5] RUN x: 1",
    ],
)
def test_no_epoch_at_all(text: str) -> None:
    assert read_console(lines(text)).trainings == ()


def test_what_is_said_between_the_numbers() -> None:
    text = (
        "dense_1 (Dense)   (None, 10)   650\nEpoch 1/2\n"
        "UserWarning: You are using a softmax over axis -1 of a tensor of shape (32, 1). "
        "This axis has size 1.\n"
        "Batch 12: Invalid loss, terminating training\n" + BAR.format("nan", "0.1000")
    )
    training = one(text)
    assert training.remarks == (Remark("softmax-over-one"), Remark("terminated-on-nan", 12))
    assert training.units == 10


def test_a_bar_in_many_pieces_is_the_same_as_one() -> None:
    """What is passed over in a bar on its way changes nothing."""
    steps = [f" {step}/63 [==>...] - ETA: 1s - loss: 0.{step:04}" for step in range(1, 63)]
    text = "Epoch 1/1\n" + "\r".join(steps) + "\r" + BAR.format("0.5000", "0.8000")
    assert dict(one(text).epochs[0].values) == {"loss": 0.5, "accuracy": 0.8}
