"""A remedy tried on the frozen state: the bad batch again and again, as it was and as mended."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.trials import Proposal, Trial, TrialOutcome, Verdict, write_trials
from nanwatch.replay import changes
from nanwatch.replay.course import Setup, are_finite
from nanwatch.replay.made_again import made_again_trials
from nanwatch.replay.op_trial import try_at_op
from nanwatch.replay.quiet import quiet
from nanwatch.watch.data.kept_rows import Rows, map_arrays
from nanwatch.watch.fit.fit_observer import release_observer
from nanwatch.watch.incident.autopsy import restore_after
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.chosen import keras
from nanwatch.watch.keras_seam.function_copies import copy_all_functions
from nanwatch.watch.keras_seam.keras_types import Model, Structure, Tensor, Weights
from nanwatch.watch.recording.run_recorder import RunRecorder

FROM_THE_START = {InterventionKind.SET_LEARNING_RATE}
STEPS = 30  # on the bad batch; a fault that needs longer than that to come back is not this one
SECONDS = 20.0  # for all trials of a run: the user waits for them


def try_proposals(recorder: RunRecorder, proposals: Sequence[Proposal], seconds: float) -> None:
    """Try ``proposals`` on what ``recorder`` holds, for ``seconds`` at most; trials.json says what came.

    A fault that halted the training is tried on the bad batch first, and at the op that made it; everything
    else, and what that does not decide, on the training made again from its first weights.
    """
    deadline = time.perf_counter() + seconds
    trials: list[Trial] = []
    halted = recorder.info.incident.fit if recorder.info.incident is not None else None
    named = [
        change
        for proposal in proposals
        if proposal.fit == halted and not proposal.suspected
        for change in proposal.interventions
    ]
    at_op: list[Trial] = []
    with recorder.catch_errors("trying what may be changed at an op"), contextlib.suppress(KeyboardInterrupt):
        if recorder.bad_step is not None:
            at_op = try_at_op(recorder.bad_step, named, time.perf_counter() + seconds / 2)
    with recorder.catch_errors("trying the remedies"), contextlib.suppress(KeyboardInterrupt), quiet():
        if recorder.frozen is not None:
            model, data, first_weights = recorder.frozen
            release_observer(model)
            trials += try_interventions(model, data, named, first_weights, deadline)
    kept = recorder.kept
    with recorder.catch_errors("making a training again"):
        if kept is not None and not any(trial.verdict == "cured" for trial in trials):
            release_observer(kept.model)
            tried = {trial.intervention for trial in trials if trial.verdict != "not-reproduced"}
            left = [without(proposal, tried) for proposal in proposals]
            trials = [trial for trial in trials if trial.intervention in tried]
            trials += made_again_trials(kept, left, deadline)
    with recorder.catch_errors("writing down the trials"):
        if trials or at_op:
            write_trials(recorder.folder, [*trials, *at_op])


def without(proposal: Proposal, tried: Collection[Intervention]) -> Proposal:
    return replace(
        proposal, interventions=tuple(change for change in proposal.interventions if change not in tried)
    )


def try_interventions(
    model: Model,
    data: Structure,
    interventions: Sequence[Intervention],
    first_weights: Weights | None = None,
    deadline: float | None = None,
) -> list[Trial]:
    """A trial for each intervention that can be made on ``model``.

    ``model`` stands frozen before the bad step; it is left as it was found. A change of the learning
    rate is tried on ``first_weights``: those of the bad step are already what the rate made of them.
    """
    possible = [change for change in interventions if change.kind in CHANGES]
    if not possible:
        return []
    deadline = time.perf_counter() + SECONDS if deadline is None else deadline
    befores: dict[bool, TrialOutcome] = {}
    trials = []
    for change in possible:
        if time.perf_counter() > deadline:
            break
        start = first_weights if change.kind in FROM_THE_START else None
        if change.kind in FROM_THE_START and start is None:
            continue
        if (start is None) not in befores:
            befores[start is None] = outcome_of(model, data, deadline, start)
        before = befores[start is None]
        with (
            contextlib.suppress(tf.errors.OpError, ValueError, TypeError),
            CHANGES[change.kind](model, data, change) as mended,
        ):
            after = outcome_of(model, mended, deadline, start)
            trials.append(Trial(change, verdict_of(before, after), before, after, STEPS))
    return trials


def verdict_of(before: TrialOutcome, after: TrialOutcome) -> Verdict:
    if before.finite:
        return "not-reproduced"
    return "cured" if after.finite else "not-cured"


def outcome_of(model: Model, data: Structure, deadline: float, start: Weights | None = None) -> TrialOutcome:
    """Up to `STEPS` steps of the model's own ``train_step`` on ``data``; all of it is undone after.

    ``start``: values for the trainable weights to begin with.
    """
    step = seam().compile(model.train_step)
    loss: float | None = None
    with restore_after(model), copy_all_functions():  # what was traced before knows nothing of a change
        for variable, value in zip(model.trainable_variables, start or (), strict=False):
            variable.assign(value)
        for done in range(STEPS):
            model.reset_metrics()
            logs = step(data)
            found = float(np.asarray(logs["loss"])) if "loss" in logs else 0.0
            if not (math.isfinite(found) and are_finite(model)):
                return TrialOutcome(False, done, loss)
            loss = found
            if time.perf_counter() > deadline:
                return TrialOutcome(True, done + 1, loss)
    return TrialOutcome(True, STEPS, loss)


@contextlib.contextmanager
def set_activation(model: Model, data: Structure, change: Intervention) -> Iterator[Structure]:
    """Another activation on the layer ``change.target``.

    Raises:
        ValueError: there is no such layer, or it has no activation of its own.
    """
    layer = dict(seam().layers_of(model)).get(change.target)
    if layer is None or not hasattr(layer, "activation"):
        raise ValueError(f"no layer {change.target} with an activation")
    before, layer.activation = layer.activation, keras.activations.get(change.value)
    try:
        yield data
    finally:
        layer.activation = before


@contextlib.contextmanager
def set_learning_rate(model: Model, data: Structure, change: Intervention) -> Iterator[Structure]:
    """Another rate on the model's optimizer.

    Raises:
        TypeError: its rate is a schedule's.
        ValueError: there is none.
    """
    optimizer = model.optimizer
    if optimizer is None:
        raise ValueError("no optimizer")
    before = float(np.asarray(optimizer.learning_rate))
    optimizer.learning_rate = change.value
    try:
        yield data
    finally:
        optimizer.learning_rate = before


@contextlib.contextmanager
def drop_nonfinite_rows(model: Model, data: Structure, change: Intervention) -> Iterator[Structure]:
    """The batch without the rows that hold a non-finite number.

    Raises:
        ValueError: none would be left.
    """
    leaves = [leaf for leaf in seam().flatten(data) if leaf is not None]
    keep = np.ones(int(leaves[0].shape[0]), bool)
    for leaf in leaves:
        if leaf.dtype.is_floating:
            keep &= np.isfinite(leaf.numpy().reshape(len(keep), -1)).all(axis=1)
    if not keep.any():
        raise ValueError("no row is left")
    yield seam().map_structure(lambda leaf: None if leaf is None else tf.boolean_mask(leaf, keep), data)


@contextlib.contextmanager
def drop_rows(model: Model, data: Structure, change: Intervention) -> Iterator[Structure]:
    """The batch without the rows that the change names.

    Raises:
        ValueError: it names none of them, or all.
    """
    leaves = [leaf for leaf in seam().flatten(data) if leaf is not None]
    named = change.value if isinstance(change.value, tuple) else ()
    keep = np.array([row not in named for row in range(int(leaves[0].shape[0]))])
    if keep.all() or not keep.any():
        raise ValueError("no row would be left, or none would go")
    yield seam().map_structure(lambda leaf: None if leaf is None else tf.boolean_mask(leaf, keep), data)


@contextlib.contextmanager
def as_made_again(model: Model, data: Structure, change: Intervention) -> Iterator[Structure]:
    """A change of rows, or of layers in their places, as it is made of a training that is made again.

    Raises:
        ValueError: the batch is no ordinary (x, y, sample_weight), or the change does not fit it.
    """
    rows = Rows(*map_arrays(np.asarray, keras.utils.unpack_x_y_sample_weight(data)))
    setup = Setup(model, not_asked, object, {}, rows, rows.length, False, None, [])
    with changes.CHANGES[change.kind](setup, change) as changed:
        if changed.model is not model:
            raise ValueError("it takes another model")
        yield tuple(map_arrays(tf.convert_to_tensor, changed.rows))[: len(data)]


def not_asked(y: Structure, y_pred: Structure, sample_weight: Structure) -> Tensor:
    raise ValueError("the loss is that of the model's own step")


K = InterventionKind
CHANGES: dict[InterventionKind, Callable[..., contextlib.AbstractContextManager[Structure]]] = {
    K.DROP_ROWS: drop_rows,
    **dict.fromkeys(
        (
            *(K.IMPUTE_INPUT, K.DROP_COLUMNS, K.GUARD_SCALING, K.SCALE_INPUT, K.MAP_TOKENS, K.KEEP_ONE_STEP),
            *(K.SHIFT_LABELS, K.MAP_LABELS, K.DROP_LABELS, K.SCALE_TARGET, K.RESCALE_TARGET),
            *(K.SET_CLASS_WEIGHT, K.MEND_SAMPLE_WEIGHT, K.SET_DTYPE_POLICY),
        ),
        as_made_again,
    ),
    InterventionKind.SET_ACTIVATION: set_activation,
    InterventionKind.SET_LEARNING_RATE: set_learning_rate,
    InterventionKind.DROP_NONFINITE_ROWS: drop_nonfinite_rows,
}
