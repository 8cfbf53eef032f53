"""The frozen step made again in a training that has come to it: its graph, its eager ops, or its Python."""

from __future__ import annotations

import keyword
import time
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from nanwatch.record.facts import FitKind, StepReplay
from nanwatch.record.notes import ReplayRaised
from nanwatch.record.watchpoints import Role
from nanwatch.replay.moment import Moment
from nanwatch.watch.data.batch import ROLES, HostBatch
from nanwatch.watch.incident import (
    autopsy,
    eager_again,
    eager_autopsy,
    graph_autopsy,
    held_step,
    snapshot,
    surroundings,
)
from nanwatch.watch.incident.autopsy import Autopsy
from nanwatch.watch.incident.births import Search
from nanwatch.watch.incident.graph_autopsy import StepAutopsy
from nanwatch.watch.incident.snapshot_file import TRACE, TYPES
from nanwatch.watch.incident.surroundings import OpValues, Whereabouts
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.keras_types import Array, Gradient, Structure, Tensor
from nanwatch.watch.launch import user_lines
from nanwatch.watch.train_step.eager_ops import EagerStep
from nanwatch.watch.train_step.inspection import RanStep, Trace
from nanwatch.watch.train_step.step_watcher import StepWatcher
from nanwatch.watch.train_step.traced_step import TracedStep

Arrays = Mapping[str, Array]
CANNOT_RUN = "its ops cannot be run on what the step was given"


def bring_back(watcher: StepWatcher, arrays: Arrays, kind: FitKind, in_step: bool) -> Moment | None:
    """The step of the snapshot; None while the training, of this ``kind``, has not shown it.

    ``in_step``: an eager step is at its end; else it is over.

    Raises:
        ValueError: what the snapshot holds does not fit the step or its model.
    """
    if TRACE in arrays:
        trace = watcher.traces.get(int(arrays[TRACE]))
        return None if trace is None else of_graph(watcher, trace, arrays, kind)
    if TYPES in arrays:
        ran = watcher.bad_step()
        same = isinstance(ran, EagerStep) and eager_again.is_same_step(ran, arrays)
        return of_eager_ops(watcher, ran, arrays) if isinstance(ran, EagerStep) and same else None
    return None if in_step else of_python(watcher, arrays)


def of_graph(watcher: StepWatcher, trace: Trace, arrays: Arrays, kind: FitKind) -> Moment:
    """The ops of the graph, from what the snapshot holds of it."""
    restore(watcher, arrays)
    ran = held_step.made_again(trace, arrays)
    held_step.restore_captured(trace.graph, arrays)
    compiled_at = user_lines.compile_line_of(watcher.model)
    found = graph_autopsy.perform(watcher.model, ran, compiled_at, watcher.jit)
    raised = next((note for note in found.notes if isinstance(note, ReplayRaised)), None)
    if raised is not None:
        raise ValueError(f"{CANNOT_RUN} ({raised.error})")
    with graph_autopsy.apart(trace.graph):
        step = StepAutopsy(
            watcher.model, trace.seen, graph_autopsy.outermost_run(ran), Search(time.perf_counter()), None
        )
        where = Whereabouts(step.path_of, compiled_at)
        ops = [] if found.birth is None else surroundings.around(found.birth, where)
        seen = trace.seen
        wanted = [*seen.targets, *(tensor for _, tensor in (*seen.activations, *seen.outputs))]
        wanted += [autopsy.dense(grad) for grad, _ in seen.gradients if grad is not None]
        values = step.values(wanted)
    names = at_hand(watcher, arrays, seen, values)
    given = named_arguments(ran) if kind == "tape" else {}
    return moment_of(arrays, found, ops, {**given, **names})


def of_eager_ops(watcher: StepWatcher, ran: EagerStep, arrays: Arrays) -> Moment:
    """The ops that the step runs, from what the snapshot holds of them."""
    restore(watcher, arrays)
    try:
        again = eager_again.run_again(ran, arrays)
    except tf.errors.OpError as error:
        raise ValueError(f"{CANNOT_RUN} ({type(error).__name__})") from error
    compiled_at = user_lines.compile_line_of(watcher.model)
    found = eager_autopsy.perform(watcher.model, again, compiled_at)
    ops = [] if found.born_at is None else eager_autopsy.around(watcher.model, again, found.born_at)
    seen = again.seen
    shown = [*seen.targets, *(tensor for _, tensor in (*seen.activations, *seen.outputs))]
    shown += [autopsy.dense(grad) for grad, _ in seen.gradients if grad is not None]
    names = at_hand(watcher, arrays, seen, {id(tensor): tensor for tensor in shown})
    return moment_of(arrays, found, ops, names)


def of_python(watcher: StepWatcher, arrays: Arrays) -> Moment:
    """A step of ``fit`` that is not compiled: its Python once more, on the batch of the snapshot."""
    again = watcher.repeatable(batch_in(arrays))
    if again is None or watcher.model is None:
        raise ValueError("its batch has another structure")
    restore(watcher, arrays)
    names: dict[str, object] = {**roles_of(arrays), "model": watcher.model}
    found = autopsy.perform(watcher.model, again, user_lines.compile_line_of(watcher.model), names=names)
    return moment_of(arrays, found, [], names)


def restore(watcher: StepWatcher, arrays: Arrays) -> None:
    """Raises ValueError where a value does not fit its variable."""
    if watcher.model is not None:
        snapshot.restore(watcher.model, watcher.own_optimizer, dict(arrays))


def moment_of(arrays: Arrays, found: Autopsy, ops: Sequence[OpValues], names: dict[str, object]) -> Moment:
    born = next((op for op in ops if op.told.moment == "birth"), None)
    if born is not None:
        names |= {"inputs": list(born.inputs), "output": born.output, "ops": list(ops)}
    told = StepReplay(
        int(arrays["step"]),
        found.loss,
        found.reproduced,
        found.op,
        tuple(found.spread),
        tuple(found.notes),
        tuple(op.told for op in ops),
    )
    return Moment(told, names)


# -- what is at hand ---------------------------------------------------------------------------------


def at_hand(
    watcher: StepWatcher, arrays: Arrays, seen: TracedStep, values: Mapping[int, Tensor]
) -> dict[str, object]:
    """For a debugger; ``values`` are by the ids of the tensors that the step showed."""
    paths = eager_autopsy.paths_of(watcher.model)
    losses = [values[id(tensor)] for tensor in seen.targets if id(tensor) in values]
    predictions = {key: values[id(tensor)] for key, tensor in seen.outputs if id(tensor) in values}
    return {
        **roles_of(arrays),
        "y_pred": next(iter(predictions.values())) if len(predictions) == 1 else predictions or None,
        "loss": next((loss for loss in losses if autopsy.is_bad(loss)), losses[-1] if losses else None),
        "gradients": dict(gradients_of(seen.gradients, values)),
        "outputs": {
            paths.get(id(layer), layer.name): values[id(tensor)]
            for layer, tensor in seen.activations
            if id(tensor) in values
        },
        "model": watcher.model,
    }


def gradients_of(gradients: Sequence[Gradient], values: Mapping[int, Tensor]) -> list[tuple[str, Tensor]]:
    return [
        (seam().path_of(variable), values[id(autopsy.dense(grad))])
        for grad, variable in gradients
        if grad is not None and id(autopsy.dense(grad)) in values
    ]


def named_arguments(ran: RanStep) -> dict[str, object]:
    """What the function of a loop's step was given, by the names of its parameters."""
    return {
        name: tf.convert_to_tensor(array)
        for name, array in graph_autopsy.arguments_of(ran).items()
        if name.isidentifier() and not keyword.iskeyword(name)
    }


def batch_in(arrays: Arrays) -> HostBatch:
    found: HostBatch = {}
    for role in ROLES:
        prefix = f"batch/{role}/"
        found |= {
            (role, name.removeprefix(prefix)): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
    return found


def roles_of(arrays: Arrays) -> dict[str, object]:
    """x, y and sample_weight in the structure that their keys tell: one array, a tuple or a dict."""
    names: dict[str, Role] = {"x": "input", "y": "label", "sample_weight": "sample_weight"}
    return {name: structure_of(arrays, f"batch/{role}/") for name, role in names.items()}


def structure_of(arrays: Arrays, prefix: str) -> Structure:
    found = {
        name[len(prefix) :]: tf.convert_to_tensor(np.asarray(value))
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
    if not found:
        return None
    if list(found) == ["0"]:
        return found["0"]
    if all(key.isdigit() for key in found):
        return tuple(found[key] for key in sorted(found, key=int))
    return found
