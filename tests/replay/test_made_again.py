"""Trainings made again, as they were and with a change: the trials of real ones, in one process."""

import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Proposal, Trial
from nanwatch.replay import made_again
from nanwatch.replay.changes import CHANGES
from nanwatch.replay.constant_answer import constant_loss
from nanwatch.replay.course import Course, Setup, loss_of_answers, setup_at_best, setup_of, train
from nanwatch.replay.made_again import judged_by as judged_by_outputs
from nanwatch.replay.made_again import made_again_trials
from nanwatch.replay.output_losses import OutputLosses
from nanwatch.watch.data.kept_rows import Rows
from nanwatch.watch.fit import held_training
from nanwatch.watch.fit.callback import Watch
from nanwatch.watch.recording.run_recorder import KeptTraining, RunRecorder

pytestmark = pytest.mark.tensorflow
K = InterventionKind
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(320, 4)).astype("float32")
LABELS = (X[:, :1] + X[:, 1:2] > 0).astype("float32")


def kept(folder: Path, model: Any, x: Any, y: Any, epochs: int = 10, **arguments: Any) -> KeptTraining:
    """What a watched fit of ``model`` leaves for trials."""
    recorder = RunRecorder(folder, "train.py", ("train.py",))
    recorder.keeps_trainings = True
    watch = Watch()
    watch.recorder, watch.injected = recorder, True
    callbacks = [*arguments.pop("callbacks", ()), watch]
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=callbacks, **arguments)
    recorder.end("finished", 0)
    assert recorder.info.errors == ()
    assert recorder.kept is not None
    return recorder.kept


def model_of(*layers: Any, loss: Any = "binary_crossentropy", optimizer: Any = None) -> Any:
    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(optimizer or keras.optimizers.Adam(1e-2), loss)
    return model


def classifier(**facts: Any) -> Any:
    dense = keras.layers.Dense
    return model_of(dense(8, activation="relu"), dense(1, activation="sigmoid"), **facts)


def proposal(*changes: Intervention, suspected: bool = True, damper: bool = False) -> Proposal:
    return Proposal("NW000", 0, changes, suspected, damper, ended=0.0)


def tried(of: KeptTraining, *proposals: Proposal, seconds: float = 60.0) -> list[Trial]:
    return made_again_trials(of, proposals, time.perf_counter() + seconds)


def skill(of: KeptTraining, change: Intervention | None = None) -> float:
    setup = setup_of(of)
    if change is None:
        found = train(setup, of.steps, time.perf_counter() + 60).skill()
    else:
        with CHANGES[change.kind](setup, change) as changed:
            found = train(changed, of.steps, time.perf_counter() + 60).skill()
    assert found is not None
    return found


RATE_DOWN = Intervention(K.SET_LEARNING_RATE, "optimizer", 1e-2)
STANDARDISED = Intervention(K.STANDARDISE_INPUT, "0", None)


def test_a_training_as_it_was_comes_to_where_it_came(tmp_path: Path) -> None:
    model = classifier()
    of = kept(tmp_path, model, X, LABELS)
    weights = [variable.numpy() for variable in model.variables]
    assert (of.fit, of.steps, of.batch_size, of.shuffled) == (0, 100, 32, True)
    assert skill(of) == pytest.approx(1 - model.evaluate(X, LABELS, verbose=0) / np.log(2), abs=0.08)
    for variable, before in zip(model.variables, weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)


def test_a_loud_column_is_what_a_trial_shows(tmp_path: Path) -> None:
    loud = X * np.array([1, 1, 1, 3e3], "float32")
    of = kept(tmp_path, classifier(optimizer=keras.optimizers.Adam(1e-3)), loud, LABELS)
    (trial,) = tried(of, proposal(Intervention(K.STANDARDISE_INPUT, "0", (3,))))
    assert (trial.verdict, trial.made_again, trial.fit, trial.before.finite_steps) == ("cured", True, 0, 100)
    assert (trial.before.skill or 0) < 0.1 < (trial.after.skill or 0)


def test_a_training_is_made_again_at_the_rates_that_callbacks_gave(tmp_path: Path) -> None:
    """A tenth at each epoch leaves nothing after two; and what the rate is set to stays."""
    optimizer = keras.optimizers.Adam(1e-3)
    falling = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: fall_to(10.0 ** (-3 - epoch)))

    def fall_to(rate: float) -> None:
        optimizer.learning_rate = rate

    of = kept(tmp_path, classifier(optimizer=optimizer), X, LABELS, callbacks=[falling])
    assert of.rate == pytest.approx(1e-3)
    assert [step for step, _ in of.rates] == list(range(10, 100, 10))
    assert of.rates[1][1] == pytest.approx(1e-5)
    constant = skill(of, Intervention(K.SET_LEARNING_RATE, "optimizer", 1e-3))
    assert skill(of) + 0.05 < constant


def test_a_rate_is_searched_from_above_and_the_first_that_trains_is_the_last_tried(tmp_path: Path) -> None:
    of = kept(tmp_path, classifier(optimizer=keras.optimizers.Adam(30.0)), X, LABELS)
    rates = [Intervention(K.SET_LEARNING_RATE, "optimizer", rate) for rate in (29.0, 0.03, 0.003)]
    found = tried(of, proposal(*rates, damper=True))
    assert [(trial.intervention.value, trial.verdict) for trial in found] == [
        (29.0, "not-cured"),
        (0.03, "cured"),
    ]


def test_a_narrow_gain_is_asked_again_without_the_change_beside_it(tmp_path: Path) -> None:
    """A head that cannot reach the targets, and one that is on its way to them when the steps are over."""
    model = model_of(
        keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1, activation="tanh"), loss="mse"
    )
    of = kept(tmp_path, model, X, 3 + 0.1 * X[:, :1], epochs=8)
    linear = Intervention(K.SET_ACTIVATION, model.layers[-1].path, "linear")
    (trial,) = tried(of, proposal(linear))
    assert (trial.before.skill or 0) < (trial.after.skill or 0) < 0
    assert trial.verdict == "cured"


def test_a_damper_is_idle_once_something_with_a_name_has_cured(tmp_path: Path) -> None:
    of = kept(tmp_path, classifier(optimizer=keras.optimizers.Adam(1e-3)), X * 3e3, LABELS)
    found = tried(of, proposal(STANDARDISED), proposal(RATE_DOWN, damper=True))
    assert [trial.intervention for trial in found] == [STANDARDISED]


def test_two_causes_at_once_are_told_together(tmp_path: Path) -> None:
    """Weights that are all 0 learn nothing of any input; a loud column drowns the others for any weights."""
    dense = keras.layers.Dense
    model = model_of(
        dense(8, activation="relu", kernel_initializer="zeros"),
        dense(1, activation="sigmoid", kernel_initializer="zeros"),
        optimizer=keras.optimizers.Adam(1e-3),
    )
    of = kept(tmp_path, model, X * np.array([1, 1, 1, 3e3], "float32"), LABELS, epochs=40)
    drawn = Intervention(K.SET_INITIALIZER, "model", "glorot_uniform")
    found = tried(of, proposal(STANDARDISED), proposal(drawn))
    assert {trial.intervention: (trial.verdict, trial.beside) for trial in found} == {
        STANDARDISED: ("cured", drawn),
        drawn: ("cured", STANDARDISED),
    }


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_softmax_over_one_unit_is_judged_by_what_it_predicts(tmp_path: Path) -> None:
    """Keras trains the logit behind it, so that the loss falls while every prediction is 1."""
    dense = keras.layers.Dense
    model = model_of(dense(8, activation="relu"), dense(1, activation="softmax"))
    of = kept(tmp_path, model, X, LABELS)
    sigmoid = Intervention(K.SET_ACTIVATION, model.layers[-1].path, "sigmoid")
    (trial,) = tried(of, proposal(sigmoid, suspected=False))
    assert trial.verdict == "cured"
    assert (trial.before.skill or 0) < -1 < 0.5 < (trial.after.skill or 0)


def test_a_change_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    of = kept(tmp_path, classifier(), X, LABELS)
    odd = [
        Intervention(K.SET_ACTIVATION, "no/such/layer", "relu"),
        Intervention(K.SET_LOSS, "output", "no_such_loss"),
        Intervention(K.SET_LEARNING_RATE, "optimizer", "fast"),
        Intervention(K.ADD_EPSILON, "Log", 1e-7),
        Intervention(K.SHUFFLE_ROWS, "fit", True),
        Intervention(K.SET_WEIGHT_DECAY, "optimizer", (1, 2)),
    ]
    assert tried(of, proposal(*odd)) == []


def test_nothing_is_tried_for_another_training_or_without_time(tmp_path: Path) -> None:
    of = kept(tmp_path, classifier(), X * 3e3, LABELS)
    other = Proposal("NW105", 1, (STANDARDISED,), suspected=True)
    assert tried(of, other) == []
    assert tried(of, proposal(STANDARDISED), seconds=0.0) == []


def test_a_fault_that_takes_a_while_is_waited_for(tmp_path: Path) -> None:
    """Growth by a constant factor a step: on the frozen batch nothing of it would be seen in 30 steps."""
    x = np.arange(1, 201, dtype="float32").reshape(-1, 1)
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.2e-4), "mse")
    recorder = RunRecorder(tmp_path, "train.py", ("train.py",))
    recorder.keeps_trainings = True
    watch = Watch()
    watch.recorder, watch.injected = recorder, True
    with pytest.raises(RuntimeError):
        model.fit(x, 2 * x, epochs=500, verbose=0, callbacks=[watch])
    of = recorder.kept
    assert of is not None
    assert not of.ended_finite
    lower = Intervention(K.SET_LEARNING_RATE, "optimizer", 1e-5)
    hardly = Intervention(K.SET_LEARNING_RATE, "optimizer", 1.1e-4)
    found = tried(of, proposal(hardly, lower, suspected=False, damper=True))
    assert found[-1].verdict == "cured"
    assert found[-1].before.finite is False
    assert found[-1].after.finite_steps > 2 * found[-1].before.finite_steps


def test_an_interrupt_ends_the_trials_and_what_was_found_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = kept(tmp_path, classifier(optimizer=keras.optimizers.Adam(1e-3)), X * 3e3, LABELS)
    weights = [variable.numpy() for variable in of.model.variables]

    def interrupted(setup: Setup, *arguments: Any, **named: Any) -> Course:
        if setup.batch_size == 16:
            raise KeyboardInterrupt
        return train(setup, *arguments, **named)

    monkeypatch.setattr(made_again, "train", interrupted)
    other = Intervention(K.SET_BATCH_SIZE, "fit", 16)
    found = tried(of, proposal(STANDARDISED), proposal(other), proposal(RATE_DOWN))
    assert [trial.intervention for trial in found] == [STANDARDISED]
    for variable, before in zip(of.model.variables, weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), before)


def test_a_model_that_its_first_step_builds(tmp_path: Path) -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = keras.layers.Dense(8)
            self.head = keras.layers.Dense(1, activation="sigmoid")

        def call(self, x: Any) -> Any:
            return self.head(self.hidden(x))

    keras.utils.set_random_seed(4)
    model = Own()
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
    ring = (np.square(X[:, :2]).sum(axis=1, keepdims=True) > 1.4).astype("float32")
    of = kept(tmp_path, model, X, ring)
    (trial,) = tried(of, proposal(Intervention(K.SET_HIDDEN_ACTIVATIONS, "model", "relu")))
    assert trial.verdict == "cured"


def test_class_weights_and_sample_weights_count(tmp_path: Path) -> None:
    of = kept(tmp_path, classifier(), X, LABELS, class_weight={0: 1.0, 1: 3.0})
    setup = setup_of(of)
    np.testing.assert_array_equal(setup.rows.sample_weight, np.where(LABELS[:, 0] == 1, 3.0, 1.0))


@pytest.mark.parametrize(
    ("loss", "y", "units", "guess"),
    [
        ("mean_squared_error", X[:, :2], 2, float(X[:, :2].var(axis=0).mean())),
        ("mean_absolute_error", X[:, :1], 1, float(np.abs(X[:, 0] - np.median(X[:, 0])).mean())),
        ("sparse_categorical_crossentropy", LABELS.astype(int) + 1, 3, None),
        ("categorical_crossentropy", np.eye(2)[LABELS[:, 0].astype(int)], 2, None),
        ("binary_crossentropy", LABELS, 1, None),
    ],
)
def test_the_best_constant_answer(loss: str, y: Any, units: int, guess: float | None) -> None:
    share = float(LABELS.mean())
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
    model.compile("sgd", loss)
    model.train_on_batch(X[:2], y[:2])

    def mean_loss(y: Any, y_pred: Any, weight: Any) -> Any:
        return keras.ops.mean(keras.losses.get(loss)(y, y_pred))

    assert constant_loss(partial(loss_of_answers, mean_loss), Rows(X, y, None), model) == pytest.approx(
        entropy if guess is None else guess, rel=1e-4
    )


def test_of_several_outputs_each_has_its_own_constant() -> None:
    given = keras.Input((4,))
    number, kind = keras.layers.Dense(1)(given), keras.layers.Dense(1)(given)
    model = keras.Model(given, [number, kind])

    def both(y: Any, y_pred: Any, weight: Any) -> Any:
        of_kind = keras.losses.BinaryCrossentropy(from_logits=True)
        return keras.ops.mean(keras.ops.square(y[0] - y_pred[0])) + of_kind(y[1], y_pred[1])

    target = 5 + X[:, :1]
    share = float(LABELS.mean())
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    guess = constant_loss(partial(loss_of_answers, both), Rows(X, [target, LABELS], None), model)
    assert guess == pytest.approx(float(target.var()) + entropy, rel=1e-4)


def test_a_loss_of_ones_own_has_its_constant_found_by_trying() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")

    def own(y: Any, y_pred: Any, weight: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y - y_pred)) + 1.0

    guess = constant_loss(partial(loss_of_answers, own), Rows(X, X[:, :1], None), model)
    assert guess == pytest.approx(1.0 + float(X[:, 0].var()), rel=1e-5)


def test_what_has_cured_by_half_is_tried_with_the_rest(tmp_path: Path) -> None:
    """A target in thousands: standardised, it is learned as far as the loud column beside it lets it."""
    dense = keras.layers.Dense
    model = model_of(dense(16, "tanh"), dense(1), loss="mse", optimizer=keras.optimizers.Adam(1e-2))
    loud = X * np.array([1, 1, 1, 3e3], "float32")
    price = 1e3 * (X[:, :1] + X[:, 3:]) + 4e3
    of = kept(tmp_path, model, loud, price, epochs=20)
    scaled = Intervention(K.STANDARDISE_TARGET, "y", (4e3, 1.4e3))
    found = tried(of, proposal(scaled, suspected=False), proposal(STANDARDISED, suspected=False))
    assert {trial.intervention: (trial.verdict, trial.beside) for trial in found} == {
        scaled: ("cured", STANDARDISED),
        STANDARDISED: ("cured", scaled),
    }
    assert all((trial.after.skill or 0) > 0.8 for trial in found)


def test_a_loss_that_right_answers_cost_the_most_is_turned_round(tmp_path: Path) -> None:
    def overlap(y: Any, p: Any) -> Any:
        return 2 * keras.ops.sum(y * p) / (keras.ops.sum(y) + keras.ops.sum(p) + 1e-3)

    of = kept(tmp_path, classifier(loss=overlap), X, LABELS, epochs=20)
    turned = Intervention(K.MEND_LOSS, "loss", 1.0)
    (trial,) = tried(of, Proposal("NW216", 0, (turned,), ended=-1.0))
    assert trial.verdict == "cured"
    assert tried(of, proposal(Intervention(K.MEND_LOSS, "loss"))) == []  # to what is not said


# -- from the best point on ------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A best point is held whenever there is one, however short the training."""
    monkeypatch.setattr(held_training, "BEST_SHARE", math.inf)


def declining(folder: Path, at: int = 15, epochs: int = 20) -> KeptTraining:
    """A training that a callback gives another rate from epoch ``at`` on."""
    optimizer = keras.optimizers.Adam(1e-2)

    def rise(epoch: int, logs: Any) -> None:
        if epoch == at:
            optimizer.learning_rate = 30.0

    rising = keras.callbacks.LambdaCallback(on_epoch_begin=rise)
    return kept(folder, classifier(optimizer=optimizer), X, LABELS, epochs=epochs, callbacks=[rising])


SLOW = Intervention(K.SET_LEARNING_RATE, "optimizer", 1e-2)


def test_what_was_learned_and_lost_is_made_again_from_its_best_point(tmp_path: Path) -> None:
    of = declining(tmp_path)
    assert of.best is not None
    assert 40 <= of.best.step <= 150 < of.steps
    assert of.best.share < 0.5 * of.progress
    before = [variable.numpy() for variable in of.model.variables]
    (trial,) = tried(of, proposal(SLOW, damper=True))
    assert (trial.verdict, trial.since) == ("cured", of.best.step)
    assert trial.before.finite_steps == 200 - of.best.step
    assert (trial.before.skill or 0) < 0.1 < 0.6 < (trial.after.skill or 0)
    for variable, value in zip(of.model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_a_rate_that_merely_keeps_what_was_learned_is_no_cure(tmp_path: Path) -> None:
    of = declining(tmp_path)
    still = Intervention(K.SET_LEARNING_RATE, "optimizer", 0.8e-4)
    assert tried(of, proposal(still, damper=True)) == []


def test_the_optimizer_goes_on_with_what_it_had(tmp_path: Path) -> None:
    of = declining(tmp_path, epochs=30, at=29)
    assert of.best is not None
    begin = setup_at_best(setup_of(of), of)
    assert begin is not None
    assert [float(np.asarray(each)) for each in of.best.slots[:1]] == [of.best.step]  # its own count
    assert begin.learned_at == pytest.approx(1e-2)
    assert dict(begin.rates).get(290 - of.best.step, begin.config["learning_rate"]) == 30.0
    course = train(begin, 10, time.perf_counter() + 60)
    assert course.losses[0] < 0.5


def test_changes_of_the_data_are_tried_from_the_first_weights_all_the_same(tmp_path: Path) -> None:
    of = declining(tmp_path)
    found = tried(of, proposal(STANDARDISED), proposal(SLOW, damper=True))
    assert {trial.intervention: trial.since > 0 for trial in found} == {STANDARDISED: False, SLOW: True}


def test_a_training_that_lost_nothing_is_made_again_from_its_first_weights(tmp_path: Path) -> None:
    of = kept(tmp_path, classifier(), X, LABELS, epochs=20)
    (trial,) = tried(of, proposal(SLOW))
    assert trial.since == 0


def test_a_best_point_is_held_below_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_training, "BEST_BYTES", 4 * (49 * 3 + 2) - 1)  # 49 weights; Adam has two of each
    assert kept(tmp_path / "over", classifier(), X, LABELS).best is None
    monkeypatch.setattr(held_training, "BEST_BYTES", 4 * (49 * 3 + 2))
    assert kept(tmp_path / "at", classifier(), X, LABELS).best is not None


# -- several outputs ---------------------------------------------------------------------------------


def two_answers(head: str = "linear", listed: bool = False) -> Any:
    """A class and a number from one table, each by layers of its own."""
    keras.utils.set_random_seed(7)
    dense, given = keras.layers.Dense, keras.Input((4,))
    kind = dense(1, "sigmoid", name="kind")(dense(8, "relu")(given))
    worth = dense(1, head, name="price")(dense(8, "relu")(given))
    model = keras.Model(given, [kind, worth])
    losses = {"kind": "binary_crossentropy", "price": "mse"}
    model.compile(keras.optimizers.Adam(1e-2), list(losses.values()) if listed else losses)
    return model


def answers(price: float = 1.0) -> dict[str, Any]:
    return {"kind": LABELS, "price": price * (2.0 + X[:, 2:3])}


def judged_by(change: Intervention, *outputs: str, damper: bool = False) -> Proposal:
    return Proposal("NW000", 0, (change,), True, damper, 0.0, tuple((each, 0.0) for each in outputs))


def test_a_change_is_judged_by_the_output_that_learned_nothing(tmp_path: Path) -> None:
    """The loss is the price's, but for a millionth: of the kind it tells nothing."""
    of = kept(tmp_path, two_answers(), X, answers(1e3))
    scaled = Intervention(K.STANDARDISE_TARGET, "price", None)
    (trial,) = tried(of, judged_by(scaled, "price"))
    assert (trial.verdict, trial.output) == ("cured", "price")
    assert (trial.before.skill or 0) < 0.1 < 0.5 < (trial.after.skill or 0)
    (trial,) = tried(of, judged_by(scaled, "kind"))  # which had learned by itself
    assert (trial.verdict, trial.output) == ("not-reproduced", "kind")


def test_outputs_that_are_known_by_their_places(tmp_path: Path) -> None:
    of = kept(tmp_path, two_answers(listed=True), X, list(answers(1e3).values()))
    (trial,) = tried(of, judged_by(Intervention(K.STANDARDISE_TARGET, "1", None), "1"))
    assert (trial.verdict, trial.output) == ("cured", "price")


def test_the_losses_apart_add_up_to_the_whole_and_each_has_its_guess(tmp_path: Path) -> None:
    of = kept(tmp_path, two_answers(), X, answers(), epochs=3)
    course = train(setup_of(of), of.steps, time.perf_counter() + 60)
    assert len(course.parts) == 2
    for whole, *parts in zip(course.losses, *course.parts.values(), strict=True):
        assert whole == pytest.approx(sum(parts), rel=1e-5)
    share = float(LABELS.mean())
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert list(course.guesses.values()) == pytest.approx([entropy, float(X[:, 2].var())], rel=1e-4)
    assert sum(course.guesses.values()) == pytest.approx(course.guess)


def test_the_loss_and_the_head_of_one_of_several_outputs_are_changed(tmp_path: Path) -> None:
    model = two_answers(head="tanh")
    of = kept(tmp_path, model, X, answers())
    linear = Intervention(K.SET_ACTIVATION, model.get_layer("price").path, "linear")
    assert [trial.verdict for trial in tried(of, judged_by(linear, "price"))] == ["cured"]
    absolute = Intervention(K.SET_LOSS, "price", "mean_absolute_error")
    as_it_was = train(setup_of(of), 1, time.perf_counter() + 60)
    with CHANGES[K.SET_LOSS](setup_of(of), absolute) as changed:
        course = train(changed, 1, time.perf_counter() + 60)
    (kind,), (squared,) = as_it_was.parts.values()
    (same,), (distance,) = course.parts.values()
    assert same == pytest.approx(kind)
    assert 0.8 * distance**2 < squared != distance
    nobody = Intervention(K.SET_LOSS, "nobody", "mean_absolute_error")
    assert tried(of, judged_by(nobody, "price")) == []


@pytest.mark.parametrize(("kind", "verdict"), [(0.2, "cured"), (0.05, "not-cured")])
def test_what_spoils_an_output_that_learned_is_no_cure(kind: float, verdict: str) -> None:
    """The price is learned with the change, and the kind, which was, falls to this skill."""
    rows = Rows(X, answers(), None)
    losses = OutputLosses(None, {"0": 1.0, "1": 1.0})
    setup = Setup(two_answers(), losses, keras.optimizers.Adam, {}, rows, 32, True, None, [])
    before, after = course_of(0.9, 0.0), course_of(kind, 0.9)
    judged = judged_by_outputs(setup, before, after, judged_by(STANDARDISED, "price"))
    assert (judged.verdict, judged.output) == (verdict, "price")
    assert judged_by_outputs(setup, before, after, proposal(STANDARDISED)).output is None
    both = judged_by_outputs(
        setup, course_of(0.0, 0.0), course_of(0.4, 0.9), judged_by(STANDARDISED, "kind", "price")
    )
    assert (both.verdict, both.output) == ("cured", "price")  # of two that learn now the one that learns more


def course_of(*skills: float) -> Course:
    """100 steps of outputs with these skills, whose guesses cost 1."""
    parts = {str(place): [1.0 - skill] * 100 for place, skill in enumerate(skills)}
    whole = [sum(1.0 - skill for skill in skills)] * 100
    return Course(whole, [1 - loss / 2 for loss in whole], parts=parts, guesses=dict.fromkeys(parts, 1.0))
