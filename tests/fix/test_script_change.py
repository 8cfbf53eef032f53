"""Remedies written into scripts."""

import textwrap
from dataclasses import replace

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.fix.script_change import changed_source
from nanwatch.record.facts import DataInfo, Location, LossInfo, OutputInfo
from nanwatch.record.interventions import Intervention, InterventionKind, Scalar
from nanwatch.record.run import Fit

K = InterventionKind
DIAGNOSIS = Diagnosis("NW000", "x", "cause", "error", "m")
FILE = "/project/train.py"
SOURCE = textwrap.dedent(
    """\
    import keras
    from keras.layers import Dense, Activation
    for units in (8, 16):
        model.add(Dense(units, activation="sigmoid"))
    model.add(Dense(16, kernel_initializer="zeros", kernel_regularizer="l2"))
    model.add(Dense(2))
    model.add(Activation("relu"))
    opt = keras.optimizers.SGD(
        0.5,
        momentum=0.9)
    model.compile(opt, "binary_crossentropy")
    model.fit(x, y, validation_data=(xv, yv), shuffle=False)
    """
)


def at(line: int) -> Location:
    return Location(FILE, line, SOURCE.splitlines()[line - 1].strip())


def fit_of(source: str = SOURCE) -> Fit:
    layers = [
        made_up.dense("a", 8, "sigmoid", config={"kernel_initializer": {}}),
        made_up.dense("b", 16, "sigmoid", config={"kernel_initializer": {}}),
        made_up.dense(
            "c", 16, "linear", config={"kernel_initializer": {}, "kernel_regularizer": {"l2": 0.01}}
        ),
        made_up.dense("d", 2, "linear", config={"kernel_initializer": {}}),
        replace(made_up.dense("e", 2, "relu"), type="Activation", weights=()),
    ]
    lines = (4, 4, 5, 6, 7)
    placed = [replace(layer, location=at(line)) for layer, line in zip(layers, lines, strict=True)]
    of = made_up.model(*placed, loss="binary_crossentropy", optimizer="SGD", learning_rate=0.5)
    assert of.optimizer is not None
    outputs = (replace(of.outputs[0], head="d", activation_layer="e"),)
    optimizer = replace(of.optimizer, location=at(8))
    of = replace(of, outputs=outputs, optimizer=optimizer, compile_location=at(11))
    fit = made_up.run(of, inputs=[made_up.tensor("input")]).fits[0]
    return Fit(replace(fit.info, location=at(12)), of)


def changed(
    kind: InterventionKind, target: str, value: Scalar | tuple[Scalar, ...] | None, source: str = SOURCE
) -> str | None:
    remedy = Remedy(Intervention(kind, target, value), "do it")
    return changed_source(
        source, FILE, Diagnosis("NW000", "x", "cause", "error", "m"), remedy, fit_of(source)
    )


@pytest.mark.parametrize(
    ("kind", "target", "value", "old", "new"),
    [
        (K.SET_ACTIVATION, "e", "softmax", 'Activation("relu")', 'Activation("softmax")'),
        (K.SET_ACTIVATION, "d", "softmax", "Dense(2)", 'Dense(2, activation="softmax")'),
        (K.SET_ACTIVATION, "a", "linear", 'Dense(units, activation="sigmoid")', "Dense(units)"),
        (K.SET_UNITS, "d", 3, "Dense(2)", "Dense(3)"),
        (K.SET_INITIALIZER, "c", "he_normal", '"zeros"', '"he_normal"'),
        (K.SET_REGULARIZER, "c", 1e-4, ', kernel_regularizer="l2"', ""),
        (K.SET_LEARNING_RATE, "optimizer", 0.05, "    0.5,", "    0.05,"),
        (K.SET_CLIPNORM, "optimizer", 1.0, "momentum=0.9)", "momentum=0.9,\n    clipnorm=1)"),
        (K.SET_LOSS, "output", "mse", '"binary_crossentropy"', '"mse"'),
        (
            K.SET_FROM_LOGITS,
            "output",
            True,
            '"binary_crossentropy"',
            "keras.losses.BinaryCrossentropy(from_logits=True)",
        ),
        (K.SHUFFLE_ROWS, "fit", True, "shuffle=False", "shuffle=True"),
        (
            K.SET_TRAINABLE,
            "model",
            True,
            "model.compile",
            "for layer in model.layers:\n    layer.trainable = True\nmodel.compile",
        ),
        (K.SHIFT_LABELS, "y", -1, "model.fit", "y = y - 1\nyv = yv - 1\nmodel.fit"),
        (K.MAP_LABELS, "y", (-1, 1), "model.fit", "y = (y + 1) / 2\nyv = (yv + 1) / 2\nmodel.fit"),
        (K.MAP_LABELS, "y", (1.0, 2.0), "model.fit", "y = y - 1\nyv = yv - 1\nmodel.fit"),
        (K.MAP_LABELS, "y", (-1.0, 0.0), "model.fit", "y = y + 1\nyv = yv + 1\nmodel.fit"),
        (
            K.STANDARDISE_TARGET,
            "y",
            (1.0, 2.0),
            "model.fit",
            "y_mean, y_std = y.mean(axis=0), y.std(axis=0)\ny = (y - y_mean) / y_std\n"
            "yv = (yv - y_mean) / y_std\nmodel.fit",
        ),
        (
            K.STANDARDISE_INPUT,
            "0",
            (),
            "model.compile",
            "normalization = keras.layers.Normalization()\nnormalization.adapt(x)\n"
            "model = keras.Sequential([normalization, model])\nmodel.compile",
        ),
        (
            K.SCALE_INPUT,
            "0",
            1 / 255,
            "model.compile",
            "model = keras.Sequential([keras.layers.Rescaling(1 / 255), model])\nmodel.compile",
        ),
    ],
)
def test_a_remedy_is_written(
    kind: InterventionKind, target: str, value: Scalar | tuple[Scalar, ...], old: str, new: str
) -> None:
    assert old in SOURCE
    assert changed(kind, target, value) == SOURCE.replace(old, new, 1)


def test_every_hidden_layer_gets_relu_one_in_a_loop_once() -> None:
    found = changed(K.SET_HIDDEN_ACTIVATIONS, "model", "relu")
    assert found == SOURCE.replace('"sigmoid"', '"relu"').replace('"l2")', '"l2", activation="relu")')


def test_an_activation_and_the_loss_that_goes_with_it() -> None:
    source = SOURCE.replace('"binary_crossentropy"', '"categorical_crossentropy"')
    found = changed(K.SET_PROBABILITIES, "e", "sigmoid", source)
    assert found == SOURCE.replace('"relu"', '"sigmoid"')


def test_with_relu_comes_the_initializer_that_is_made_for_it() -> None:
    """In the place of Keras's own; one that the script has chosen stays."""
    fit = fit_of()
    layers = tuple(
        replace(layer, initializer="GlorotUniform") if layer.path in "ab" else layer
        for layer in fit.model.layers
    )
    relu = Remedy(Intervention(K.SET_HIDDEN_ACTIVATIONS, "model", "relu"), "do it")
    cause = Diagnosis("NW303", "x", "cause", "error", "m")
    found = changed_source(SOURCE, FILE, cause, relu, Fit(fit.info, replace(fit.model, layers=layers)))
    assert found is not None
    assert 'Dense(units, activation="relu", kernel_initializer="he_normal")' in found
    assert 'kernel_initializer="zeros"' in found


def test_an_optimizer_by_its_name_is_made_where_it_was_named() -> None:
    source = SOURCE.replace("model.compile(opt,", 'model.compile("sgd",')
    found = changed(K.SET_LEARNING_RATE, "optimizer", 0.05, source.replace("SGD(", "Other("))
    assert found is not None
    assert "model.compile(keras.optimizers.SGD(learning_rate=0.05)," in found


@pytest.mark.parametrize(
    ("kind", "target", "value"),
    [
        (K.SET_ACTIVATION, "no such layer", "relu"),
        (K.MAP_LABELS, "y", (3, 7)),
        (K.MAP_LABELS, "y", (0.0, 1.0)),  # as they should be
        (K.ADD_EPSILON, "Log", 1e-7),
        (K.SCALE_INPUT, "0", None),
    ],
)
def test_what_cannot_be_written(
    kind: InterventionKind, target: str, value: Scalar | tuple[Scalar, ...] | None
) -> None:
    assert changed(kind, target, value) is None


def test_of_rows_of_an_array_the_array_is_changed() -> None:
    source = SOURCE.replace("(x, y, validation_data=(xv, yv)", "(x, y[:9], validation_data=(x[9:], y[9:])")
    assert changed(K.SHIFT_LABELS, "y", -1, source) == source.replace("model.fit", "y = y - 1\nmodel.fit")
    source = SOURCE.replace("(x, y,", "(x[:9], y,")
    found = changed(K.STANDARDISE_INPUT, "0", (), source)
    assert found is not None
    assert "normalization.adapt(x[:9])" in found


def test_labels_without_a_name_are_left() -> None:
    assert changed(K.SHIFT_LABELS, "y", -1, SOURCE.replace("(x, y,", "(x, read(),")) is None
    assert changed(K.SHIFT_LABELS, "y", -1, SOURCE.replace("(xv, yv)", "data")) is None


def test_inputs_without_a_name_are_left() -> None:
    assert changed(K.STANDARDISE_INPUT, "0", (), SOURCE.replace("(x, y,", "(read(), y,")) is None


def test_a_remedy_that_comes_with_its_line() -> None:
    new = "opt = keras.optimizers.Adam()"
    line = SOURCE.splitlines()[5]
    remedy = Remedy(Intervention(K.MEND_OUTPUT, "x"), "t", "model.add(Dense(3))", Location(FILE, 6, line))
    assert changed_source(SOURCE, FILE, DIAGNOSIS, remedy, fit_of()) == SOURCE.replace("Dense(2)", "Dense(3)")
    moved = replace(remedy, location=Location(FILE, 6, new))
    assert changed_source(SOURCE, FILE, DIAGNOSIS, moved, fit_of()) is None
    elsewhere = replace(remedy, location=Location("/project/model.py", 6, line))
    assert changed_source(SOURCE, FILE, DIAGNOSIS, elsewhere, fit_of()) is None


def test_a_layer_of_another_file_is_not_changed_here() -> None:
    fit = fit_of()
    layer = replace(fit.model.layers[3], location=Location("/project/model.py", 6))
    moved = Fit(fit.info, replace(fit.model, layers=(*fit.model.layers[:3], layer)))
    remedy = Remedy(Intervention(K.SET_ACTIVATION, "d", "softmax"), "t")
    assert changed_source(SOURCE, FILE, DIAGNOSIS, remedy, moved) is None


def test_several_inputs_are_not_put_through_one_layer() -> None:
    fit = fit_of()
    two = DataInfo((made_up.tensor("input", "a"), made_up.tensor("input", "b")))
    remedy = Remedy(Intervention(K.STANDARDISE_INPUT, "a"), "t")
    several = Fit(replace(fit.info, data=two), fit.model)
    assert changed_source(SOURCE, FILE, DIAGNOSIS, remedy, several) is None


# -- several outputs ---------------------------------------------------------------------------------

TWO = textwrap.dedent(
    """\
    import keras
    model.compile("adam", {losses})
    model.fit(x, {labels})
    """
)


def two_outputs(losses: str, labels: str, *kinds: str) -> Fit:
    """A class and a price; the record calls them ``kinds``."""
    lines = TWO.format(losses=losses, labels=labels).splitlines()
    heads = [made_up.dense("is_old", activation="sigmoid"), made_up.dense("worth")]
    given = (
        LossInfo("binary_crossentropy", logged="kind_loss"),
        LossInfo("mean_squared_error", logged="price_loss"),
    )
    outputs = tuple(
        OutputInfo(kind, head.path, activation=head.activation or "", loss=loss)
        for kind, head, loss in zip(kinds, heads, given, strict=True)
    )
    of = replace(made_up.model(*heads), outputs=outputs, compile_location=Location(FILE, 2, lines[1]))
    targets = [made_up.tensor("label", kind) for kind in kinds]
    fit = made_up.run(of, targets=targets).fits[0]
    return Fit(replace(fit.info, location=Location(FILE, 3, lines[2])), of)


def change_of_two(
    kind: InterventionKind, target: str, value: Scalar | None, losses: str, labels: str, *kinds: str
) -> str | None:
    source = TWO.format(losses=losses, labels=labels)
    remedy = Remedy(Intervention(kind, target, value), "do it")
    return changed_source(source, FILE, DIAGNOSIS, remedy, two_outputs(losses, labels, *kinds))


NAMED = '{"kind": "binary_crossentropy", "price": "mse"}'
SCALED = "{0}_mean, {0}_std = {1}.mean(axis=0), {1}.std(axis=0)\n{1} = ({1} - {0}_mean) / {0}_std\n"


@pytest.mark.parametrize(
    ("labels", "kinds", "target", "written"),
    [
        ('{"kind": old, "price": euros}', ("kind", "price"), "price", SCALED.format("euros", "euros")),
        ("[old, euros]", ("0", "1"), "1", SCALED.format("euros", "euros")),
        ("labels", ("kind", "price"), "price", SCALED.format("labels_price", 'labels["price"]')),
        (
            '{"kind": old, "price": euros}, validation_data=(xv, {"price": euros_v, "kind": old_v})',
            ("kind", "price"),
            "price",
            SCALED.format("euros", "euros") + "euros_v = (euros_v - euros_mean) / euros_std\n",
        ),
        ("labels", ("0", "1"), "1", None),  # a tuple cannot be written to
        ('{"kind": old, "price": euros * 2}', ("kind", "price"), "price", None),
        ('{"kind": old, "price": euros}, validation_data=held', ("kind", "price"), "price", None),
    ],
)
def test_the_target_of_one_of_several_outputs(
    labels: str, kinds: tuple[str, str], target: str, written: str | None
) -> None:
    source = TWO.format(losses=NAMED, labels=labels)
    expected = None if written is None else source.replace("model.fit", f"{written}model.fit")
    assert change_of_two(K.STANDARDISE_TARGET, target, None, NAMED, labels, *kinds) == expected


@pytest.mark.parametrize(
    ("losses", "kinds", "target", "written"),
    [
        (NAMED, ("kind", "price"), "price", '{"kind": "binary_crossentropy", "price": "mae"}'),
        ('["binary_crossentropy", "mse"]', ("0", "1"), "1", '["binary_crossentropy", "mae"]'),
        ('{"is_old": "bce", "worth": "mse"}', ("0", "1"), "1", '{"is_old": "bce", "worth": "mae"}'),
        ('"mse"', ("kind", "price"), "price", None),  # it is that of both
        ("losses", ("kind", "price"), "price", None),
    ],
)
def test_the_loss_of_one_of_several_outputs(
    losses: str, kinds: tuple[str, str], target: str, written: str | None
) -> None:
    expected = None if written is None else TWO.format(losses=written, labels="y")
    assert change_of_two(K.SET_LOSS, target, "mae", losses, "y", *kinds) == expected


def test_logits_of_one_of_several_outputs() -> None:
    new = "keras.losses.BinaryCrossentropy(from_logits=True)"
    expected = TWO.format(losses=NAMED.replace('"binary_crossentropy"', new), labels="y")
    assert change_of_two(K.SET_FROM_LOGITS, "kind", True, NAMED, "y", "kind", "price") == expected


@pytest.mark.parametrize(
    ("given", "value", "written"),
    [
        ("class_weight={0: 8, 1: 1}", "balanced", "class_weight={0: 0.625, 1: 2.5}"),
        ("class_weight=weights, verbose=0", "balanced", "class_weight={0: 0.625, 1: 2.5}, verbose=0"),
        ("class_weight=weights", None, None),
    ],
)
def test_class_weights_are_written_as_numbers(given: str, value: str | None, written: str | None) -> None:
    source = f"model.fit(x, y, {given})\n"
    labels = made_up.labels(0, 1, classes={"0": 80, "1": 20})
    fit = made_up.run(made_up.model(made_up.dense(activation="sigmoid")), targets=[labels]).fits[0]
    fit = Fit(replace(fit.info, location=Location(FILE, 1, source.strip())), fit.model)
    remedy = Remedy(Intervention(K.SET_CLASS_WEIGHT, "class_weight", value), "do it")
    expected = None if written is None else f"model.fit(x, y, {written})\n"
    assert changed_source(source, FILE, DIAGNOSIS, remedy, fit) == expected
