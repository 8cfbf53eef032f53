"""Which faults fit which numbers and lines, and that the fault's twin without it is not suspected."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from nanwatch.foreign.course import course_of
from nanwatch.foreign.log import Remark, Training
from nanwatch.foreign.script.read_script import read_script
from nanwatch.foreign.suspicions import suspicions_of
from nanwatch.foreign.suspicions.case import Case
from nanwatch.foreign.suspicions.suspicion import Suspicion
from tests.foreign.trainings import training

NAN = math.nan
POSTS = Path(__file__).parents[2] / "examples" / "posts"

NAN_LATER = training(
    loss=[1.515, 0.2535, NAN, NAN], acc=[0.77, 0.95, 0.75, 0.5], val_acc=[0.85, 0.7, 0.5, 0.5]
)
NAN_AT_ONCE = training(loss=[NAN, NAN], accuracy=[0.5, 0.5])
NAN_REGRESSION = training(loss=[NAN, NAN])
GREW = training(loss=[5.0, 60.0, 9e5, NAN])
LN2 = training(loss=[0.6931] * 5, accuracy=[0.51, 0.49, 0.5, 0.5, 0.5])
FROZEN = training(loss=[0.89] * 5, accuracy=[0.39] * 5)
AT_CHANCE = training(loss=[0.76, 0.6, 0.5, 0.4], accuracy=[0.5] * 4)
HARD = training(loss=[7.71, 7.71, 7.71], accuracy=[0.5, 0.5, 0.5])
NEGATIVE = training(loss=[0.3, -1, -2.5], accuracy=[0.2, 0.2, 0.2])
ZERO = training(loss=[0.0, 0.0, 0.0], accuracy=[0.6, 0.6, 0.6])
HUGE = training(loss=[2.5e11, 2.4999e11, 2.4998e11])
COIN = training(loss=[0.7, 0.3, 0.1], acc=[0.5, 0.8, 0.95], val_acc=[0.5, 0.5, 0.5], val_loss=[0.7, 0.9, 1.5])
VAL_NAN = training(loss=[0.7, 0.5, 0.4], val_loss=[NAN] * 3)
HEALTHY = training(loss=[0.9, 0.5, 0.3], accuracy=[0.5, 0.7, 0.9], val_loss=[0.8, 0.5, 0.4])


def found(given: Training, script: str = "", *remarks: Remark, folder: Path | None = None) -> list[Suspicion]:
    facts = None
    if script and folder is not None:
        (folder / "train.py").write_text(script)
        facts = read_script(folder / "train.py")
    return list(suspicions_of(Case(course_of(given), remarks, given.units, facts)))


def codes(given: Training, script: str = "", folder: Path | None = None) -> list[str]:
    return [suspicion.code for suspicion in found(given, script, folder=folder)]


@pytest.mark.parametrize(
    ("given", "first"),
    [
        (NAN_LATER, "NW201"),
        (NAN_AT_ONCE, "NW101"),
        (NAN_REGRESSION, "NW101"),
        (GREW, "NW501"),
        (LN2, "NW301"),
        (FROZEN, "NW503"),
        (AT_CHANCE, "NW202"),
        (HARD, "NW202"),
        (NEGATIVE, "NW108"),
        (ZERO, "NW207"),
        (HUGE, "NW106"),
        (COIN, "NW308"),
        (VAL_NAN, "NW118"),
    ],
)
def test_the_first_by_numbers_alone(given: Training, first: str) -> None:
    suspicions = found(given)
    assert suspicions[0].code == first
    assert {suspicion.strength for suspicion in suspicions} == {"numbers-fit"}
    assert not any(suspicion.lines for suspicion in suspicions)


def test_nan_in_the_data_shows_in_the_first_epoch() -> None:
    assert "NW101" not in codes(NAN_LATER)
    assert "NW103" not in codes(NAN_LATER)


def compiled(head: str, loss: str, before: str = "", optimizer: str = "'adam'") -> str:
    layers = f"Dense(8, activation='relu'), {head}"
    return f"{before}\nm = keras.Sequential([{layers}])\nm.compile({optimizer}, {loss!r})\n"


RELU = compiled("Dense(2, activation='relu')", "categorical_crossentropy")
SOFTMAX = compiled("Dense(2, activation='softmax')", "categorical_crossentropy")
SIGMOID = compiled("Dense(1, activation='sigmoid')", "binary_crossentropy")
SINGLE = compiled("Dense(1, activation='softmax')", "binary_crossentropy")
LINEAR = compiled("Dense(2)", "categorical_crossentropy")
REGRESSION = compiled("Dense(1)", "mse")


@pytest.mark.parametrize(
    ("given", "script", "first", "lines"),
    [
        (NAN_LATER, RELU, "NW201", [2, 3]),
        (NAN_AT_ONCE, RELU, "NW201", [2, 3]),
        (NAN_AT_ONCE, SINGLE, "NW202", [2]),
        (AT_CHANCE, SINGLE, "NW202", [2]),
        (HARD, SINGLE, "NW202", [2]),
        (LN2, LINEAR, "NW204", [2, 3]),
        (NEGATIVE, SIGMOID, "NW108", [3]),
        (ZERO, compiled("Dense(1)", "categorical_crossentropy"), "NW207", [2, 3]),
        (NAN_AT_ONCE, compiled("Dense(1)", "mse", optimizer="SGD(5.0)"), "NW501", [3]),
        (LN2, compiled("Dense(2, activation='softmax')", "mse", optimizer="SGD(0.0)"), "NW508", [3]),
        (LN2, f"x = load_img('a')\n{SIGMOID}", "NW105", [1]),
        (NAN_LATER, f"set_global_policy('mixed_float16')\n{SOFTMAX}", "NW407", [1]),
        (NAN_LATER, f"LSTM(9, activation='relu')\n{SOFTMAX}", "NW305", [1]),
        (NAN_LATER, f"def own(y, p):\n    return K.mean(y * K.log(p))\n{SOFTMAX}", "NW403", [2]),
        (NAN_AT_ONCE, f"x = x / x.std(0)\n{SIGMOID}", "NW102", [1]),
        (LN2, f"g.flow_from_directory('a', class_mode='categorical')\n{SIGMOID}", "NW210", [1, 3]),
        (COIN, f"{SIGMOID}m.fit(x, y, validation_split=0.2)", "NW114", [4]),
    ],
)
def test_a_line_that_fits_comes_first(
    tmp_path: Path, given: Training, script: str, first: str, lines: list[int]
) -> None:
    suspicion = found(given, script, folder=tmp_path)[0]
    assert (suspicion.code, suspicion.strength) == (first, "line-fits")
    assert [line.line for line in suspicion.lines] == lines


@pytest.mark.parametrize(
    ("given", "script", "code"),
    [
        (NAN_LATER, SOFTMAX, "NW201"),
        (NAN_LATER, REGRESSION, "NW201"),
        (AT_CHANCE, SIGMOID, "NW202"),
        (LN2, SOFTMAX, "NW204"),
        (LN2, compiled("Dense(2)", "mse"), "NW204"),
        (LN2, f"x = load_img('a') / 255\n{SIGMOID}", "NW105"),
        (ZERO, SOFTMAX, "NW207"),
        (LN2, SIGMOID, "NW501"),
        (NEGATIVE, "m.compile('adam', own_loss)", "NW108"),
    ],
)
def test_a_script_without_the_fault_clears_it(
    tmp_path: Path, given: Training, script: str, code: str
) -> None:
    assert code not in codes(given, script, tmp_path)


@pytest.mark.parametrize("script", ["", RELU, SINGLE, LINEAR, f"x = load_img('a')\n{SIGMOID}"])
def test_of_a_healthy_log_nothing_is_suspected_whatever_the_script(tmp_path: Path, script: str) -> None:
    assert codes(HEALTHY, script, tmp_path) == []


@pytest.mark.parametrize(
    "given",
    [
        training(loss=[0.9, 0.5]),
        training(loss=[0.3, 0.2, 0.19], accuracy=[0.96] * 3, val_accuracy=[0.96] * 3),  # a common class
        training(loss=[0.1, 0.01, 0.001], accuracy=[0.99, 1.0, 1.0], val_accuracy=[1.0] * 3),
        training(loss=[9, 5, 2], accuracy=[0.0] * 3),  # of a regression
        training(loss=[3, -2, -9]),  # a likelihood
        training(
            loss=[0.9, 0.5, 0.1],
            val_loss=[0.8, 0.9, 2.0],
            accuracy=[0.5, 0.7, 0.9],
            val_accuracy=[0.6, 0.7, 0.65],
        ),
        training(loss=[0.70, 0.69, 0.69, 0.69], accuracy=[0.48, 0.52, 0.51, 0.53]),  # a plateau that moves
        training(loss=[1e-5, 1e-7, 1e-6]),
        training(loss=[0.5]),
        training(loss=[0.1234, 0.1231, 0.1230], val_loss=[0.13, 0.131, 0.13]),  # converged in its first epoch
        training(loss=[0.0012] * 5),
        training(
            loss=[0.551, 0.55, 0.549], accuracy=[0.7, 0.701, 0.702], val_accuracy=[0.7] * 3
        ),  # gone on with
        training(loss=[2.30, 2.29, 2.1, 1.5], accuracy=[0.1, 0.11, 0.2, 0.4]),
        training(accuracy=[0.5, 0.6, 0.7]),
    ],
)
def test_healthy_look_alikes(given: Training) -> None:
    assert codes(given) == []


def test_what_the_log_says_in_words_comes_before_all() -> None:
    assert found(AT_CHANCE, "", Remark("softmax-over-one"))[0].strength == "named"
    assert found(ZERO, "", Remark("categorical-over-one"))[0].code == "NW207"
    assert found(HEALTHY, "", Remark("label-out-of-range", 10))[0].code == "NW107"
    assert found(HEALTHY, "", Remark("softmax-over-one")) == []


def test_a_small_rate_in_the_script_speaks_against_the_rate(tmp_path: Path) -> None:
    def weight(optimizer: str) -> float:
        script = compiled("Dense(2, activation='softmax')", "categorical_crossentropy", optimizer=optimizer)
        (rate,) = (each for each in found(NAN_LATER, script, folder=tmp_path) if each.code == "NW501")
        return rate.weight

    assert weight("Adam(3e-4)") < weight("Adam(3.1e-4)") == weight("'adam'")


@pytest.mark.parametrize(
    ("post", "given", "code", "line"),
    [
        ("vgg16_relu_head.py", NAN_LATER, "NW201", "predictions = Dense(numclasses, activation='relu')(x)"),
        (
            "inceptionv3_single_softmax.py",
            training(loss=[NAN] * 3, acc=[0.0] * 3),
            "NW202",
            "Dense(1, activation='softmax')(x)",
        ),
    ],
)
def test_the_posts(post: str, given: Training, code: str, line: str) -> None:
    case = Case(course_of(given), script=read_script(POSTS / post))
    first = suspicions_of(case)[0]
    assert (first.code, first.strength) == (code, "line-fits")
    assert line in first.lines[0].text
