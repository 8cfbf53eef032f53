"""Changes that trials make: each cures a training or does not, and leaves the user's model as it was."""

import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nanwatch.explain.sentences import outcome_words
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Trial
from nanwatch.replay.changes import CHANGES
from nanwatch.replay.course import setup_of
from nanwatch.replay.made_again import made
from nanwatch.replay.making import NotPossible
from nanwatch.watch.fit.callback import Watch
from nanwatch.watch.recording.run_recorder import KeptTraining, RunRecorder
from tests.replay.test_made_again import LABELS, RANDOM, X, kept, model_of, proposal, tried

pytestmark = pytest.mark.tensorflow
K = InterventionKind
dense = keras.layers.Dense
THREE = (X[:, :1] > 0.4).astype(int) + (X[:, :1] > -0.4).astype(int)  # classes 0, 1 and 2
SPARSE = "sparse_categorical_crossentropy"


def halted(folder: Path, model: Any, x: Any, y: Any, **arguments: Any) -> KeptTraining:
    """What a watched fit leaves that was halted, or that crashed."""
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    recorder.keeps_trainings = True
    watch = Watch()
    watch.recorder, watch.injected = recorder, True
    with pytest.raises(Exception):  # noqa: B017, PT011 - what Keras raises, or nanwatch: each caller knows which
        model.fit(x, y, epochs=10, verbose=0, callbacks=[watch], **arguments)
    recorder.end("halted", None)
    assert recorder.info.errors == ()
    assert recorder.kept is not None
    return recorder.kept


def trial_of(of: KeptTraining, *changes: Intervention) -> list[Trial]:
    """The trials of ``changes``; nothing of the model is changed by them."""
    model: Any = of.model
    weights = [np.array(variable.numpy()) for variable in model.variables]
    state = random.getstate()
    facts = [(layer.get_config(), layer.dtype_policy) for layer in model.layers]
    found = tried(of, proposal(*changes, suspected=False))
    assert [(layer.get_config(), layer.dtype_policy) for layer in model.layers] == facts
    assert random.getstate() == state
    for variable, before in zip(model.variables, weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)
    return found


def verdicts(of: KeptTraining, *changes: Intervention) -> list[str]:
    return [trial.verdict for trial in trial_of(of, *changes)]


def is_impossible(of: KeptTraining, change: Intervention) -> bool:
    try:
        with made(setup_of(of), change):
            return False
    except NotPossible:
        return True


# -- activations and targets


def test_hidden_layers_with_relu_begin_with_larger_kernels(tmp_path: Path) -> None:
    """By the root of 2 where there are as many units as inputs; the head and other initializers are left."""
    normal = keras.initializers.RandomNormal(seed=1)
    layers = [dense(4, "sigmoid"), dense(4, "sigmoid", kernel_initializer=normal), dense(1, "sigmoid")]
    of = kept(tmp_path, model_of(*layers), X, LABELS, epochs=1)
    with made(setup_of(of), Intervention(K.SET_HIDDEN_ACTIVATIONS, "model", "relu")) as changed:
        first = changed.first_weights
    assert first is not None
    norms = [[np.linalg.norm(weights[place]) for place in (0, 2, 4)] for weights in (first, of.first_weights)]
    assert [now / was for now, was in zip(*norms, strict=True)] == pytest.approx([2**0.5, 1.0, 1.0])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("by_name", [True, False])
def test_of_several_targets_the_one_that_is_meant_is_standardised(tmp_path: Path, by_name: bool) -> None:
    given = keras.Input((4,))
    model = keras.Model(given, [dense(1, name="price")(given), dense(1, "sigmoid", name="kind")(given)])
    model.compile("adam", ["mse", "binary_crossentropy"])
    price = 5e4 * X[:, :1] + 2e5
    labels = {"kind": LABELS, "price": price} if by_name else [price, LABELS]
    of = kept(tmp_path, model, X, labels, epochs=1)
    with made(setup_of(of), Intervention(K.STANDARDISE_TARGET, "price")) as changed:
        y: Any = changed.rows.y
    now, kind = (y["price"], y["kind"]) if by_name else y
    assert (float(now.mean()), float(now.std())) == pytest.approx((0.0, 1.0), abs=1e-3)
    np.testing.assert_array_equal(kind, LABELS)
    assert is_impossible(of, Intervention(K.STANDARDISE_TARGET, "rent"))


# -- units and heads


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_two_units_under_a_softmax_instead_of_one(tmp_path: Path) -> None:
    model = model_of(dense(8, activation="relu"), dense(1, activation="softmax"))
    of = kept(tmp_path, model, X, LABELS)
    two = Intervention(K.SET_UNITS, model.layers[-1].path, 2)
    (trial,) = trial_of(of, two)
    assert trial.verdict == "cured"
    assert (trial.after.skill or 0) > 0.5
    assert model.layers[-1].units == 1


def test_more_units_do_not_cure_what_learns(tmp_path: Path) -> None:
    model = model_of(dense(8, activation="relu"), dense(3, activation="softmax"), loss=SPARSE)
    of = kept(tmp_path, model, X, THREE)
    assert verdicts(of, Intervention(K.SET_UNITS, "output", 4)) != ["cured"]
    assert is_impossible(of, Intervention(K.SET_UNITS, "no/such/layer", 4))


def test_a_model_that_cannot_be_cloned_gets_no_other_units(tmp_path: Path) -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.head = dense(1)

        def call(self, x: Any) -> Any:
            return self.head(x)

    model = Own()
    model.compile("adam", "mse")
    model(X[:2])
    of = kept(tmp_path, model, X, LABELS)
    assert is_impossible(of, Intervention(K.SET_UNITS, "output", 2))


def test_a_clone_begins_with_the_first_weights_and_what_was_adapted(tmp_path: Path) -> None:
    scale = keras.layers.Normalization()
    scale.adapt(X * 100)
    model = model_of(scale, dense(8, activation="relu"), dense(1, activation="sigmoid"))
    first = [variable.numpy() for variable in model.trainable_variables]
    of = kept(tmp_path, model, X * 100, LABELS, epochs=2)
    with made(setup_of(of), Intervention(K.SET_UNITS, "output", 2)) as changed:
        assert changed.first_weights is not None
        np.testing.assert_array_equal(changed.first_weights[0], first[0])
        assert changed.first_weights[2].shape == (8, 2)
        clone: Any = changed.model
        np.testing.assert_allclose(clone.layers[0](X * 100), scale(X * 100))
    assert model.layers[-1].units == 1


def test_a_head_for_several_classes(tmp_path: Path) -> None:
    model = model_of(dense(16, activation="relu"), dense(1, activation="sigmoid"))
    of = kept(tmp_path, model, X, (THREE + 3).astype("float32"), epochs=20)
    (trial,) = trial_of(of, Intervention(K.SET_HEAD, "0", 3))
    assert trial.verdict == "cured"
    assert is_impossible(of, Intervention(K.SET_HEAD, "0", 2))


def test_probabilities_and_the_loss_that_goes_with_them(tmp_path: Path) -> None:
    labels = np.repeat(LABELS, 3, axis=1).astype("float32")  # all, or none
    model = model_of(dense(16, activation="relu"), dense(3, activation="softmax"), loss="mse")
    of = kept(tmp_path, model, X, labels, epochs=20)
    head = model.layers[-1].path
    (trial,) = trial_of(of, Intervention(K.SET_PROBABILITIES, head, "sigmoid"))
    assert trial.verdict == "cured"
    assert is_impossible(of, Intervention(K.SET_PROBABILITIES, head, "relu"))
    with made(setup_of(of), Intervention(K.SET_PROBABILITIES, head, "softmax")) as changed:
        rows = np.array([[1.0, 0.0, 0.0]], "float32")
        assert float(changed.loss(rows, np.full((1, 3), 0.25, "float32"), None)) == pytest.approx(np.log(3))
    assert model.layers[-1].activation is keras.activations.softmax


def test_another_loss_takes_labels_without_an_axis_of_their_own(tmp_path: Path) -> None:
    model = model_of(dense(8, activation="relu"), dense(1), loss="mae")
    of = kept(tmp_path, model, X, (LABELS[:, 0]).astype(int), epochs=20)
    head = model.layers[-1].path
    for change in (Intervention(K.SET_PROBABILITIES, head, "sigmoid"), Intervention(K.SET_LOSS, "0", "mse")):
        assert len(verdicts(of, change)) == 1


def test_labels_that_are_mapped_get_a_unit_each(tmp_path: Path) -> None:
    model = model_of(dense(8, activation="relu"), dense(2, activation="softmax"), loss=SPARSE)
    of = kept(tmp_path, model, X, np.minimum(THREE, 1))
    of = of._replace(rows=of.rows._replace(y=THREE * 7))
    with made(setup_of(of), Intervention(K.MAP_LABELS, "y")) as changed:
        assert sorted(set(changed.rows.y.reshape(-1))) == [0, 1, 2]
        clone: Any = changed.model
        assert clone.output_shape == (None, 3)


def test_an_embedding_of_more_tokens(tmp_path: Path) -> None:
    tokens = RANDOM.integers(0, 9, size=(320, 4))
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(9, 4),
            keras.layers.Flatten(),
            dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    of = kept(tmp_path, model, tokens, (tokens[:, :1] > 4).astype("float32"))
    path = model.layers[0].path
    with made(setup_of(of), Intervention(K.SET_INPUT_DIM, path, 12)) as changed:
        assert changed.first_weights is not None
        assert changed.first_weights[0].shape == (12, 4)
    with made(setup_of(of), Intervention(K.SET_INPUT_DIM, path, 5)) as changed:  # the rows hold 9
        assert changed.first_weights is not None
        assert changed.first_weights[0].shape == (9, 4)
    assert is_impossible(of, Intervention(K.SET_INPUT_DIM, model.layers[-1].path, 12))


# -- inputs, labels and weights


def test_gaps_are_filled_with_the_median(tmp_path: Path) -> None:
    gaps = X.copy()
    gaps[::7, 2] = np.nan
    model = model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"))
    of = halted(tmp_path, model, gaps, LABELS)
    filled = Intervention(K.IMPUTE_INPUT, "0", (2,))
    assert verdicts(of, Intervention(K.IMPUTE_INPUT, "0", (1,)), filled) == ["not-cured", "cured"]
    with made(setup_of(of), filled) as changed:
        np.testing.assert_array_equal(changed.rows.x[::7, 2], np.nanmedian(gaps[:, 2]))


@pytest.mark.parametrize("kind", [K.DROP_COLUMNS, K.GUARD_SCALING])
def test_a_column_that_says_nothing_is_silenced(kind: InterventionKind, tmp_path: Path) -> None:
    scaled = X.copy()
    scaled[:, 3] = np.nan
    model = model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"))
    of = halted(tmp_path, model, scaled, LABELS)
    assert verdicts(of, Intervention(kind, "0", (0,)), Intervention(kind, "0", (3,))) == [
        "not-cured",
        "cured",
    ]
    assert is_impossible(of, Intervention(kind, "0", (4,)))


def test_tokens_are_counted_from_0(tmp_path: Path) -> None:
    of = kept(tmp_path, model_of(dense(1)), X, LABELS, epochs=1)
    with made(setup_of(of), Intervention(K.MAP_TOKENS, "input")) as changed:
        assert changed.rows.x.min() == 0


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    weights = np.ones(len(X), "float32")
    weights[5] = np.nan
    model = model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"))
    of = halted(tmp_path, model, X, LABELS, sample_weight=weights)
    mended = Intervention(K.MEND_SAMPLE_WEIGHT, "0", (5,))
    lower = Intervention(K.SET_LEARNING_RATE, "optimizer", 1e-4)
    assert verdicts(of, lower, mended) == ["not-cured", "cured"]
    with made(setup_of(of), mended) as changed:
        assert changed.rows.sample_weight[5] == 0


def test_class_weights_that_are_not_finite(tmp_path: Path) -> None:
    model = model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"))
    of = halted(tmp_path, model, X, LABELS, class_weight={0: 1.0, 1: float("inf")})
    assert verdicts(of, Intervention(K.SET_CLASS_WEIGHT, "class_weight", ("1",))) == ["cured"]
    fine = kept(tmp_path, model_of(dense(1)), X, LABELS, epochs=1)
    assert is_impossible(fine, Intervention(K.SET_CLASS_WEIGHT, "class_weight", ("1",)))


def test_classes_that_weigh_the_same(tmp_path: Path) -> None:
    """A tenth of the rows is of class 1, and hardly counts under weights that favour the others."""
    rare = (X[:, :1] > np.quantile(X[:, 0], 0.9)).astype("float32")
    model = model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"))
    of = kept(tmp_path, model, X, rare, class_weight={0: 9.0, 1: 0.11}, epochs=12)
    balanced = Intervention(K.SET_CLASS_WEIGHT, "class_weight", "balanced")
    with made(setup_of(of), balanced) as changed:
        weights = np.asarray(changed.rows.sample_weight)
    sums = [float(weights[rare[:, 0] == kind].sum()) for kind in (0, 1)]
    assert sums == pytest.approx([160.0, 160.0], rel=1e-3)
    assert verdicts(of, balanced) == ["cured"]


def test_labels_that_were_scaled_are_class_numbers_again(tmp_path: Path) -> None:
    model = model_of(dense(16, activation="relu"), dense(3, activation="softmax"), loss=SPARSE)
    of = kept(tmp_path, model, X, (THREE * 0.5).astype("float32"), epochs=20)
    of = of._replace(rows=of.rows._replace(y=(THREE * 0.5).astype("float32")))
    with made(setup_of(of), Intervention(K.CAST_LABELS, "0", "int32")) as changed:
        np.testing.assert_array_equal(changed.rows.y, THREE)
    more = of._replace(rows=of.rows._replace(y=X[:, :1]))
    assert is_impossible(more, Intervention(K.CAST_LABELS, "0", "int32"))


def test_labels_in_the_shape_of_the_predictions(tmp_path: Path) -> None:
    class Spread(keras.losses.Loss):
        def call(self, y: Any, y_pred: Any) -> Any:
            return keras.ops.mean(keras.ops.square(y - y_pred))

    model = model_of(dense(8, activation="relu"), dense(1), loss=Spread())
    of = kept(tmp_path, model, X, X[:, 0] * 2, epochs=20)
    (trial,) = trial_of(of, Intervention(K.RESHAPE_LABELS, "0", (-1, 1)))
    assert (trial.before.skill or 0) < 0.2
    assert trial.verdict == "cured"
    assert is_impossible(of, Intervention(K.RESHAPE_LABELS, "0", (2, -1)))


def test_a_label_that_marks_no_class(tmp_path: Path) -> None:
    model = model_of(dense(16, activation="relu"), dense(3, activation="softmax"), loss=SPARSE)
    void = THREE.copy()
    void[::5] = 255
    of = halted(tmp_path, model, X, void)
    for kind in (K.SET_IGNORE_CLASS, K.DROP_LABELS):
        (trial,) = trial_of(of, Intervention(kind, "loss", 255))
        assert (trial.verdict, trial.before.raised, trial.after.raised) == (
            "cured",
            "InvalidArgumentError",
            None,
        )
        assert 0.2 < (trial.after.skill or 0) < 1
    assert is_impossible(of, Intervention(K.DROP_LABELS, "y", 77))
    other = kept(tmp_path, model_of(dense(1, activation="sigmoid")), X, LABELS, epochs=1)
    assert is_impossible(other, Intervention(K.SET_IGNORE_CLASS, "loss", 255))


# -- trainings that crashed


def test_a_training_that_crashed_in_its_first_step(tmp_path: Path) -> None:
    """Labels from 1 on: on a CPU the loss raises."""
    model = model_of(dense(16, activation="relu"), dense(3, activation="softmax"), loss=SPARSE)
    of = halted(tmp_path, model, X, THREE + 1)
    assert (of.steps, of.ended_finite) == (0, False)
    further, down = (Intervention(K.SHIFT_LABELS, "y", by) for by in (1, -1))
    vain, cure = trial_of(of, further, down)
    assert (vain.verdict, vain.after.raised) == ("not-cured", "InvalidArgumentError")
    assert (cure.verdict, cure.before.raised, cure.after.raised) == ("cured", "InvalidArgumentError", None)
    assert outcome_words(cure.before, cure.steps) == "ended with InvalidArgumentError at step 1"
    assert (cure.after.skill or 0) > 0.2
    (trial,) = trial_of(of, Intervention(K.SET_UNITS, "output", 4))
    assert (trial.verdict, trial.after.finite) == ("cured", True)


# -- weights and dtypes of the model


def test_first_weights_that_are_not_finite(tmp_path: Path) -> None:
    model = model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"))
    bias = model.layers[-1].bias
    bias.assign([-np.inf])
    of = halted(tmp_path, model, X, LABELS)
    assert verdicts(of, Intervention(K.MEND_INITIAL_WEIGHT, bias.path)) == ["cured"]
    fine = kept(tmp_path, model_of(dense(1)), X, LABELS, epochs=1)
    assert is_impossible(fine, Intervention(K.MEND_INITIAL_WEIGHT, bias.path))


def test_another_dtype_to_compute_in(tmp_path: Path) -> None:
    keras.utils.set_random_seed(7)
    half = {"dtype": "mixed_float16"}
    model = keras.Sequential(
        [keras.Input((4,)), dense(8, activation="relu", **half), dense(1, activation="sigmoid", **half)]
    )
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    of = halted(tmp_path, model, X * 1e6, LABELS)
    last = Intervention(K.SET_DTYPE_POLICY, model.layers[-1].path, "float32")
    wide = Intervention(K.SET_DTYPE_POLICY, "model", "mixed_bfloat16")
    assert verdicts(of, last, wide) == ["not-cured", "cured"]
    assert is_impossible(of, Intervention(K.SET_DTYPE_POLICY, "no/such/layer", "float32"))


def test_moving_averages_are_judged_by_what_is_predicted_in_inference(tmp_path: Path) -> None:
    norm = keras.layers.BatchNormalization(momentum=0.9999)
    model = model_of(norm, dense(8, activation="relu"), dense(1, activation="sigmoid"))
    of = kept(tmp_path, model, X * 0.01 + 5, LABELS, epochs=20)
    slower, faster = (Intervention(K.SET_MOMENTUM, norm.path, value) for value in (0.99999, 0.9))
    vain, cure = trial_of(of, slower, faster)
    assert (vain.verdict, cure.verdict) == ("not-cured", "cured")
    assert (cure.before.skill or 0) < 0.2 < 0.5 < (cure.after.skill or 0)


def test_all_moving_averages_follow_faster(tmp_path: Path) -> None:
    norms = [keras.layers.BatchNormalization() for _ in range(2)]
    of = kept(tmp_path, model_of(*norms, dense(1, activation="sigmoid")), X, LABELS, epochs=1)
    with made(setup_of(of), Intervention(K.SET_MOMENTUM, "model", 0.9)) as changed:
        assert [norm.momentum for norm in norms] == [0.9, 0.9]
        assert changed.inference
    assert [norm.momentum for norm in norms] == [0.99, 0.99]


def test_larger_batches_are_judged_in_inference(tmp_path: Path) -> None:
    of = kept(tmp_path, model_of(dense(1, activation="sigmoid")), X, LABELS, epochs=1)
    larger = Intervention(K.SET_BATCH_SIZE, "fit")
    with made(setup_of(of), larger) as changed:
        assert (changed.batch_size, changed.inference) == (128, True)
    assert is_impossible(of._replace(batch_size=320), larger)


def test_kinds_that_can_be_tried_are_no_others_than_those_that_are_told() -> None:
    assert len(CHANGES) == 45
    by_op = {K.ADD_EPSILON, K.CLIP_ARGUMENT, K.DIVIDE_NO_NAN, K.GUARD_ARGUMENT}
    assert set(K) - set(CHANGES) - by_op == {
        *(K.DROP_ROWS, K.DROP_EMPTY_BATCHES, K.DROP_REMAINDER, K.MEND_PREPROCESSING),
        *(K.MEND_VALIDATION_DATA, K.SCALE_VALIDATION, K.MEND_OUTPUT, K.REMOVE_OP, K.TURN_COMPARISON),
        *(K.USE_LOGITS, K.USE_STABLE_FORM, K.SET_METRICS, K.MEND_METRIC, K.SET_CHECKPOINT, K.TRACK_LOSS),
        *(K.SCALE_LOSS, K.USE_PRESENT_API),
    }


class OfTensorFlow(keras.layers.Layer):
    """A projection by a variable that Keras does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.w = tf.Variable(np.zeros((4, 1), "float32"))

    def call(self, x: Any) -> Any:
        return tf.matmul(x, self.w)


def test_variables_that_the_model_does_not_know_are_trained_too(tmp_path: Path) -> None:
    own = OfTensorFlow()
    of = kept(tmp_path, model_of(own, dense(1, activation="sigmoid")), X, LABELS, epochs=20)
    assert verdicts(of, Intervention(K.TRACK_VARIABLES, own.path, True)) == ["cured"]
    assert not own.w.numpy().any()
    known = kept(tmp_path / "known", model_of(dense(1, activation="sigmoid")), X, LABELS)
    assert is_impossible(known, Intervention(K.TRACK_VARIABLES, "model", True))


def test_dropout_of_one_layer_alone(tmp_path: Path) -> None:
    model = model_of(
        keras.layers.Dropout(0.5), dense(1, activation="sigmoid"), keras.layers.Dropout(0.5, name="last")
    )
    of = kept(tmp_path, model, X, LABELS)
    with made(setup_of(of), Intervention(K.SET_DROPOUT, "last", 0.0)):
        assert [layer.rate for layer in model.layers[::2]] == [0.5, 0.0]


def test_tokens_that_were_scaled_are_counted(tmp_path: Path) -> None:
    of = kept(tmp_path, model_of(dense(1, activation="sigmoid")), X, LABELS)
    scaled = np.tile([[0.0, 0.5, 1.0, 7.0], [0.25, 0.5, 0.0, 9.0]], (160, 1))
    of = of._replace(rows=of.rows._replace(x=scaled))
    with made(setup_of(of), Intervention(K.COUNT_TOKENS, "0", (0, 2))) as changed:
        np.testing.assert_array_equal(changed.rows.x[:2], [[0, 0.5, 2, 7], [1, 0.5, 0, 9]])
    assert is_impossible(of, Intervention(K.COUNT_TOKENS, "0", (3,)))  # whole numbers
    assert is_impossible(of, Intervention(K.COUNT_TOKENS, "0", (4,)))


def test_a_loss_with_a_slope_instead_of_a_metric(tmp_path: Path) -> None:
    accuracy = keras.metrics.BinaryAccuracy()

    def measured(y: Any, p: Any) -> Any:
        accuracy.update_state(y, p)
        return 1 - accuracy.result()

    model = model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"), loss=measured)
    of = halted(tmp_path, model, X, LABELS)
    (trial,) = trial_of(of, Intervention(K.SET_LOSS, "0", "binary_crossentropy"))
    assert (trial.verdict, trial.before.raised) == ("cured", "ValueError")
