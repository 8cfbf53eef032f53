"""What part of the guilty line the carets stand under."""

from __future__ import annotations

import pytest

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.explain.caret import columns_of, file_columns
from nanwatch.record.facts import Location, RunInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Run
from nanwatch.record.sources import Source, Sources

K = InterventionKind


def diagnosis(code: str, kind: InterventionKind, new: str | None = None, file: str = "train.py") -> Diagnosis:
    at = Location(file, 3, code)
    remedy = Remedy(Intervention(kind, "layer"), "Change it.", new, at)
    return Diagnosis("NW201", "relu-output", "cause", "error", "Wrong.", location=at, remedies=(remedy,))


def marked(code: str, kind: InterventionKind, new: str | None = None) -> str | None:
    part = columns_of(diagnosis(code, kind, new))
    return None if part is None else code[slice(*part)]


@pytest.mark.parametrize(
    ("code", "new", "part"),
    [
        ('Dense(2, activation="relu"),', 'Dense(2, activation="softmax"),', 'activation="relu"'),
        ('Dense(2, "relu"),', 'Dense(2, "softmax"),', '"relu"'),
        ("x = layers.Dense(2)(x)", 'x = layers.Dense(2, activation="softmax")(x)', "layers.Dense"),
        (
            "m.compile(keras.optimizers.SGD(0.1), loss=f)",
            "m.compile(keras.optimizers.SGD(0.01), loss=f)",
            "0.1",
        ),
        ('m.compile("adam", loss="mse")', 'm.compile("adam", loss="mae")', 'loss="mse"'),
        ("model.fit(x, y)", "model.fit(x, y, shuffle=True)", "model.fit"),
        ("Dense(1", "Dense(10", "1"),
        ("x = a / b", "x = a / (b + 1e-7)", "b"),
    ],
)
def test_what_the_mended_line_changes(code: str, new: str, part: str) -> None:
    assert marked(code, K.SET_ACTIVATION, new) == part


@pytest.mark.parametrize(
    ("code", "kind", "part"),
    [
        ("model.fit(X_train, y_train, epochs=3)", K.STANDARDISE_INPUT, "X_train"),
        ("h = model.fit(x=images, y=labels)", K.MAP_LABELS, "y=labels"[2:]),
        ("model.train_on_batch(x, y)", K.RESHAPE_LABELS, "y"),
        ("model.fit(train, epochs=3)", K.SHIFT_LABELS, None),
        ("model.fit(*both)", K.STANDARDISE_INPUT, None),
        ('Dense(8, "relu", kernel_initializer="zeros")', K.SET_INITIALIZER, 'kernel_initializer="zeros"'),
        ("f(rate=1); g(rate=2)", K.SET_DROPOUT, None),
        ("Dropout(0.9)", K.SET_DROPOUT, None),
        ("loss = tf.sqrt(d)", K.ADD_EPSILON, None),
    ],
)
def test_what_a_change_is_about_where_no_line_is_mended(
    code: str, kind: InterventionKind, part: str | None
) -> None:
    assert marked(code, kind) == part


def test_columns_of_the_file_count_its_indentation() -> None:
    code = 'Dense(2, activation="relu"),'
    lines = ("model = Sequential([", "    Input((4,)),", f"        {code}", "])")
    run = Run(RunInfo("a.py"), sources=Sources([Source("a.py", 1, lines)]))
    assert file_columns(
        run, diagnosis(code, K.SET_ACTIVATION, 'Dense(2, activation="softmax"),', "a.py")
    ) == (18, 35)
    found = diagnosis(code, K.SET_ACTIVATION, 'Dense(2, activation="softmax"),', "other.py")
    assert file_columns(run, found) is None


def test_without_a_place_there_is_no_part() -> None:
    assert columns_of(Diagnosis("NW201", "relu-output", "cause", "error", "Wrong.")) is None
