"""What a compiled step held, as the arrays of a snapshot; and the step made of them again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from nanwatch.watch.incident.graph_autopsy import value_of_capture
from nanwatch.watch.incident.snapshot_file import TRACE
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Array, Graph, Tensor, Variable
from nanwatch.watch.train_step.held_values import CANNOT_BE_GIVEN
from nanwatch.watch.train_step.inspection import RanStep, Trace
from nanwatch.watch.train_step.own_ops import is_own

OPS = "held/ops"  # what the graph is known by
HELD, CAPTURED = "held/", "captured/"
OWN_VARIABLES = "nanwatch_"


def arrays_of(ran: RanStep, number: int) -> Iterator[tuple[str, Array]]:
    """``held/<tensor>`` of all that the graph is given: arguments, draws, reads, and what it captured.

    ``number`` is that of the trace.
    """
    graph = ran.trace.graph
    lasting = lasting_names(graph)
    yield TRACE, np.asarray(np.int64(number))
    yield OPS, np.asarray(fingerprint(graph), "S")
    for name, array in ran.held.items():
        yield HELD + lasting.get(name, name), array
    for outside, inside in graph.captures:
        value = None if inside.dtype.name in CANNOT_BE_GIVEN else value_of_capture(outside)
        if value is not None and inside.name not in ran.held:
            yield HELD + lasting[inside.name], value.numpy()


def lasting_names(graph: Graph) -> dict[str, str]:
    """By its name in ``graph``, the name that each captured tensor has in every process: its place.

    TensorFlow names it by a number that counts all tensors which the process has made so far.
    """
    return {inside.name: f"capture/{place}" for place, (_, inside) in enumerate(graph.captures)}


def captured_variables(graph: Graph, known: Iterable[Variable]) -> Iterator[tuple[str, Variable]]:
    """``captured/<tensor>`` of what the graph reads or writes besides ``known``: of other networks, say."""
    handles = handles_of(known)
    for name, handle, variable in variables_of(graph):
        if id(handle) not in handles:
            yield CAPTURED + name, variable


def variables_of(graph: Graph) -> Iterator[tuple[str, Tensor, Any]]:
    """(lasting name of the tensor that it has in ``graph``, handle, variable), nanwatch's own left out.

    A graph has its variables in no order that would be the same in another process.
    """
    variables, lasting = handles_of(graph.variables), lasting_names(graph)
    for outside, inside in graph.captures:
        handle = value_of_capture(outside) if inside.dtype.name in CANNOT_BE_GIVEN else None
        variable = variables.get(id(handle))
        if handle is not None and variable is not None and OWN_VARIABLES not in str(variable.name):
            yield lasting[inside.name], handle, variable


def handles_of(variables: Iterable[Any]) -> dict[int, Any]:
    """By the ids of their handles; of a variable that is in several replicas there is none to be had."""
    found = {}
    for variable in variables:
        try:
            found[id(tensorflow_names.handle_of(variable))] = variable
        except (AttributeError, ValueError):
            continue
    return found


def fingerprint(graph: Graph) -> str:
    """The same for graphs of the same ops; nanwatch's own do not count."""
    lasting = {name.partition(":")[0]: place for name, place in lasting_names(graph).items()}
    ops = [op for op in graph.get_operations() if not is_own(op.name)]
    names = "\n".join(f"{op.type} {lasting.get(op.name, op.name)}" for op in ops)
    return hashlib.sha256(names.encode()).hexdigest()


def made_again(trace: Trace, arrays: Mapping[str, Array]) -> RanStep:
    """The step that ran, by the trace of another process.

    Raises:
        ValueError: the graph has other ops, or a tensor of another shape: the script has changed.
    """
    if arrays[OPS].item().decode() != fingerprint(trace.graph):
        raise ValueError("its step has other ops")
    here = {place: name for name, place in lasting_names(trace.graph).items()}
    names = [name.removeprefix(HELD) for name in arrays if name.startswith(HELD) and name != OPS]
    held = {here.get(name, name): arrays[HELD + name] for name in names}
    return RanStep(trace, {name: checked(trace.graph, name, array) for name, array in held.items()})


def checked(graph: Graph, name: str, array: Array) -> Array:
    """``array`` in the dtype of the tensor ``name``.

    Raises:
        ValueError: the graph has no such tensor, or one of another shape.
    """
    try:
        tensor = tensorflow_names.tensor_named(graph, name)
    except (KeyError, ValueError) as error:
        raise ValueError(f"the step has no {name}") from error
    if not tensor.shape.is_compatible_with(array.shape):
        raise ValueError(f"{name} has shape {tensor.shape}, but {array.shape} in the snapshot")
    return in_dtype(array, tensor.dtype.as_numpy_dtype)


def in_dtype(array: Array, dtype: type[np.generic]) -> Array:
    """An array of a snapshot, which holds texts as bytes and half precision of some kinds as float32."""
    return array if array.dtype == dtype else array.astype(dtype)


def restore_captured(graph: Graph, arrays: Mapping[str, Array]) -> None:
    """Put the values of the snapshot into the variables of the graph.

    Raises:
        ValueError: a value has another shape than its variable: the script has changed.
    """
    for name, _, variable in variables_of(graph):
        value = arrays.get(CAPTURED + name)
        if value is None:
            continue
        if tuple(value.shape) != tuple(variable.shape):
            raise ValueError(
                f"{variable.name} has shape {tuple(variable.shape)}, but {tuple(value.shape)} in the snapshot"
            )
        variable.assign(in_dtype(value, variable.dtype.as_numpy_dtype))
