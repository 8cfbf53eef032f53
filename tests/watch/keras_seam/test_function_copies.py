"""Steps with tf.functions of the script's own, traced before nanwatch came, and left as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nanwatch
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.notes import RoleOutOfReach
from nanwatch.replay.trial import try_interventions
from tests.watch.model_kinds import BATCH, OwnCompiledStep, OwnStep, classes, own, state_of, table
from tests.watch.train_step.test_several_updates import Gan, gan, whole_state
from tests.watch.training import BatchLosses, differing, only_run, watch_in

pytestmark = pytest.mark.tensorflow

GOOD, ROW = 5, 7
OUT_OF_REACH = RoleOutOfReach("loss")


class Helped(OwnStep):
    """The step is plain; what it calls is compiled."""

    @tf.function
    def update(self, x: Any, y: Any) -> Any:
        return super().train_step((x, y))

    def train_step(self, data: Any) -> Any:
        return self.update(*data)


class Concrete(OwnStep):
    """What the step calls is one trace, made once and for all."""

    update: Any = None

    def prepare(self) -> None:
        self.optimizer.build(self.trainable_variables)
        function = tf.function(lambda x, y: OwnStep.train_step(self, (x, y)))
        specs = [tf.TensorSpec((None, 8), tf.float32), tf.TensorSpec((None,), tf.float32)]
        self.update = function.get_concrete_function(*specs)

    def train_step(self, data: Any) -> Any:
        return self.update(*data)


def concrete() -> Any:
    keras.utils.set_random_seed(3)
    model = own(Concrete)
    model.prepare()
    return model


def fit(model: Any, callbacks: list[Any], x: Any = None, **given: Any) -> Any:
    x = table() if x is None else x
    known = {"shuffle": False, "batch_size": BATCH, "verbose": 0, "callbacks": callbacks}
    return model.fit(x, classes()[: len(x)], **{**known, **given})


def bad() -> Any:
    x = table()
    x[GOOD * BATCH + ROW, 2] = np.nan
    return x


@pytest.mark.parametrize("cls", [OwnCompiledStep, Helped])
@pytest.mark.parametrize("how", [{}, {"run_eagerly": True}])
def test_a_function_that_was_traced_before(cls: Any, how: dict[str, Any], tmp_path: Path) -> None:
    losses = BatchLosses()
    models = []
    for callbacks in ([losses], [watch_in(tmp_path)]):
        keras.utils.set_random_seed(3)
        model = own(cls, **how)
        fit(model, [])
        fit(model, callbacks)
        models.append(model)
    assert differing(state_of(models[1]), state_of(models[0])) == []
    run = only_run(tmp_path)
    assert run.info.errors == ()
    assert [loss for _, loss in run.fits[0].losses()] == pytest.approx(losses.losses, rel=1e-5)
    assert OUT_OF_REACH not in run.fits[0].info.not_watched
    paths = [variable.path for variable in models[1].trainable_variables]
    assert run.fits[0].steps.paths("gradient", "l2_norm") == paths


@pytest.mark.parametrize("cls", [OwnCompiledStep, Helped])
def test_its_bad_step_is_held_back(cls: Any, tmp_path: Path) -> None:
    models = []
    for x, callbacks in ((table()[: GOOD * BATCH], []), (bad(), [watch_in(tmp_path)])):
        keras.utils.set_random_seed(3)
        model = own(cls)
        fit(model, [])
        try:
            fit(model, callbacks, x)
        except nanwatch.TrainingHalted:
            assert callbacks
        models.append(model)
    assert differing(state_of(models[1]), state_of(models[0])) == []
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.step, incident.frozen) == (GOOD, True)


@pytest.mark.parametrize("how", [{}, {"run_eagerly": True}])
def test_it_is_the_scripts_own_again_afterwards(how: dict[str, Any], tmp_path: Path) -> None:
    """A bare fit after a watched one lets NaN through, as Keras does."""
    models = []
    for callbacks in ([], [watch_in(tmp_path)]):
        keras.utils.set_random_seed(3)
        model = own(OwnCompiledStep, **how)
        fit(model, callbacks)
        fit(model, [], bad())
        models.append(model)
    assert any(np.isnan(array).any() for array in state_of(models[0]))
    assert differing(state_of(models[1]), state_of(models[0])) == []


def test_what_cannot_be_traced_anew_is_told(tmp_path: Path) -> None:
    """No loss of 0, no gradient of 0: none at all, and a note; the weights are seen all the same."""
    models = []
    for callbacks in ([], [watch_in(tmp_path)]):
        model = concrete()
        fit(model, callbacks)
        models.append(model)
    assert differing(state_of(models[1]), state_of(models[0])) == []
    run = only_run(tmp_path)
    assert (run.info.errors, run.info.incident) == ((), None)
    (found,) = run.fits
    assert OUT_OF_REACH in found.info.not_watched
    assert RoleOutOfReach("gradient") in found.info.not_watched
    assert found.losses() == []
    assert found.steps.paths("gradient", "l2_norm") == []
    assert len(found.steps.paths("weight", "l2_norm")) == 6
    assert found.info.steps == 8


def test_its_bad_weights_are_seen(tmp_path: Path) -> None:
    with pytest.raises(nanwatch.TrainingHalted, match="became nan"):
        fit(concrete(), [watch_in(tmp_path)], bad())
    incident = only_run(tmp_path).info.incident
    assert incident is not None
    assert (incident.step, incident.frozen, incident.loss) == (GOOD, False, None)


class InTwoFunctions(Gan):
    @tf.function
    def update_discriminator(self, real: Any) -> Any:
        return super().update_discriminator(real)

    @tf.function
    def update_generator(self, data: Any) -> Any:
        return super().update_generator(data)


@pytest.mark.parametrize("traced_before", [False, True])
@pytest.mark.parametrize("how", [{}, {"run_eagerly": True}])
def test_an_update_in_another_function_is_taken_back(
    how: dict[str, Any], traced_before: bool, tmp_path: Path
) -> None:
    healthy, rest = table(), table()
    healthy[:, -1] = rest[:, -1] = 1.0
    rest[GOOD * BATCH + ROW, -1] = np.nan
    models = []
    for x, callbacks in ((rest[: GOOD * BATCH], []), (rest, [watch_in(tmp_path)])):
        keras.utils.set_random_seed(3)
        model = gan(InTwoFunctions, **how)
        if traced_before:
            model.fit(healthy, batch_size=BATCH, verbose=0, shuffle=False)
        try:
            model.fit(x, shuffle=False, batch_size=BATCH, verbose=0, callbacks=callbacks)
        except nanwatch.TrainingHalted:
            assert callbacks
        models.append(model)
    assert only_run(tmp_path).info.errors == ()
    assert differing(whole_state(models[1]), whole_state(models[0])) == []


def test_a_remedy_is_tried_on_a_new_trace(tmp_path: Path) -> None:
    """The function that was traced before knows nothing of another activation."""
    inputs = keras.Input((8,))
    head = keras.layers.Dense(1, lambda x: x * np.nan, name="head")
    model = OwnCompiledStep(inputs, head(inputs))
    model.compile("adam", "binary_crossentropy")
    with pytest.raises(nanwatch.TrainingHalted):
        fit(model, [watch_in(tmp_path)])
    model.train_step((tf.constant(table()[:8]), tf.constant(classes()[:8])))
    for variable in model.variables:  # the watch is over: that step was made, and left NaN behind
        variable.assign(np.ones(variable.shape))
    for slot in model.optimizer.variables[2:]:
        slot.assign(np.zeros(slot.shape))
    batch = tf.constant(table()[:8]), tf.constant(classes()[:8])
    (trial,) = try_interventions(
        model, batch, [Intervention(InterventionKind.SET_ACTIVATION, "head", "sigmoid")]
    )
    assert trial.verdict == "cured"
