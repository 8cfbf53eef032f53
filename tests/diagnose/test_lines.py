"""The lines of ``compile`` and of the optimizer as they would read afterwards."""

from dataclasses import replace

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.heads import heads
from nanwatch.diagnose.loss_line import loss_remedy, shape_clash
from nanwatch.diagnose.optimizer_line import rate_remedy
from nanwatch.record.facts import OptimizerInfo
from nanwatch.record.run import Fit


def compiled(code: str, loss: str = "mean_squared_error") -> Fit:
    of = made_up.model(loss=loss, compile_location=made_up.line(10, code))
    return made_up.run(of).fits[0]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('model.compile("adam", "mse")', 'model.compile("adam", "hinge")'),
        ("model.compile(loss='mse', optimizer=opt)", 'model.compile(loss="hinge", optimizer=opt)'),
        ("model.compile(loss='mean_squared_error',", 'model.compile(loss="hinge",'),
        ("model.compile(loss=my_loss)", None),
        ('model.compile(loss={"a": "mse"})', None),
        ('model.compile(loss="mae")', None),
        ("model.compile(", None),
    ],
)
def test_the_loss_where_compile_gives_it_as_a_string(code: str, expected: str | None) -> None:
    fit = compiled(code)
    assert loss_remedy(fit, next(heads(fit)), "hinge").line == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("opt = Adam(1.0)", "opt = Adam(0.001)"),
        ("opt = keras.optimizers.Adam()", "opt = keras.optimizers.Adam(learning_rate=0.001)"),
        ('model.compile("adam", "mse")', None),
    ],
)
def test_the_rate_where_the_optimizer_is_made(code: str, expected: str | None) -> None:
    of = made_up.model(optimizer="Adam")
    of = replace(of, optimizer=OptimizerInfo("Adam", 1.0, location=made_up.line(9, code)))
    assert rate_remedy(made_up.run(of).fits[0], 1e-3).line == expected


def test_a_schedule_is_not_replaced_by_a_number() -> None:
    at = made_up.line(9, "Adam(schedule)")
    of = replace(made_up.model(), optimizer=OptimizerInfo("Adam", 1.0, "CosineDecay", location=at))
    remedy = rate_remedy(made_up.run(of).fits[0], 1e-3)
    assert remedy.line is None
    assert remedy.general_damper


def test_shapes_in_the_words_of_keras() -> None:
    clash = shape_clash("ValueError: ... Received: target.shape=(None, 1), output.shape=(None, 8, 5)")
    assert clash is not None
    assert (clash.target, clash.output) == ((None, 1), (None, 8, 5))
    assert clash.words == "labels of shape (None, 1), predictions of shape (None, 8, 5)"
    assert shape_clash("ValueError: something else") is None
    assert shape_clash(None) is None
