"""The bad step's own ops, run from what the step held: any loop, any loss, any number of networks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nanwatch.record.facts import Location, SpreadEntry
from nanwatch.record.notes import DrawnAgain, OnlyCompiled, ReplayRaised, ReplayStopped, StayedFinite
from nanwatch.record.watchpoints import Role
from nanwatch.watch.incident import argument_origins
from nanwatch.watch.incident.autopsy import SECONDS, Autopsy, dense, op_info
from nanwatch.watch.incident.births import Birth, Search, can_count, run_of
from nanwatch.watch.incident.bisection import Bisection, CompiledBirth
from nanwatch.watch.incident.graph_run import Counts, GraphRun, MissingValue
from nanwatch.watch.incident.op_places import place_of
from nanwatch.watch.incident.op_trace import BadOp, OutOfTime, array_of
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.adapter import seam
from nanwatch.watch.keras_seam.held_functions import held_inside
from nanwatch.watch.keras_seam.keras_types import Array, Graph, Model, Operation, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
from nanwatch.watch.train_step.held_values import (
    is_drawn_again,
    is_exchange,
    is_of_loop,
    losses_and_gradients,
)
from nanwatch.watch.train_step.inspection import RanStep
from nanwatch.watch.train_step.traced_step import TracedStep, suspend_watching


@contextlib.contextmanager
def apart(graph: Graph) -> Iterator[None]:
    """What of ``graph`` is run in this block is no training, and its ops run one by one."""
    with suspend_watching(), restore_variables(graph), tensorflow_names.leave_graphs_as_they_are():
        yield


def perform(
    model: Model | None,
    ran: RanStep,
    compile_location: Location | None,
    compiled_by_xla: bool = False,
    seconds: float = SECONDS,
) -> Autopsy:
    """Find, in the graph that ran, the op that gave birth to what went bad. No variable is changed by it."""
    found, is_same = Autopsy(), True
    search = Search(time.perf_counter() + seconds)
    with apart(ran.trace.graph):
        try:
            step = StepAutopsy(model, ran.trace.seen, outermost_run(ran), search, compile_location)
            step.fill_in(found)
            is_same = found.op is not None and found.op.direction == "forward"
            if found.op is None and found.reproduced:
                step.with_loops_run_again().fill_in(found)
            if not found.reproduced:
                step.fill_in_compiled(found, compiled_by_xla)
        except OutOfTime:
            found.notes.append(ReplayStopped(seconds))
            found.reproduced = found.reproduced or None
        except (tf.errors.OpError, MissingValue) as error:
            found.notes.append(ReplayRaised(type(error).__name__))
    if not is_same and is_drawn_again(ran.trace.graph, losses_and_gradients(ran.trace.seen)):
        found.notes = [note for note in found.notes if not isinstance(note, StayedFinite)]
        found.notes.append(DrawnAgain())
    found.ops = search.ops
    return found


@contextlib.contextmanager
def restore_variables(graph: Graph) -> Iterator[None]:
    """A function that the step calls may write to them."""
    before = [(variable, tf.convert_to_tensor(variable)) for variable in graph.variables]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def outermost_run(ran: RanStep) -> GraphRun:
    """The graph that the host was told of, with all that is at hand for it."""
    graph = ran.trace.graph
    known: dict[str, Tensor] = {}
    for outside, inside in graph.captures:
        value = value_of_capture(outside)
        if value is not None:
            known[inside.name] = value
    for name, array in ran.held.items():
        known[name] = tf.convert_to_tensor(array, tensorflow_names.tensor_named(graph, name).dtype)
    return GraphRun(graph, known)


def arguments_of(ran: RanStep) -> dict[str, Array]:
    """What the step held of the arguments of its function, by their names."""
    named = {name: tensorflow_names.tensor_named(ran.trace.graph, name).op for name in ran.held}
    return {op.name: ran.held[name] for name, op in named.items() if op.type == "Placeholder"}


def value_of_capture(tensor: Tensor) -> Tensor | None:
    """What was captured, through the functions around it; None where one of them computed it."""
    while not tensorflow_names.is_eager(tensor):
        outside = [outer for outer, inner in tensor.graph.captures if inner is tensor]
        if not outside:
            return None
        tensor = outside[0]
    return tensor


@dataclass
class StepAutopsy:
    """The autopsy of one step."""

    model: Model | None
    seen: TracedStep
    outermost: GraphRun
    search: Search
    compile_location: Location | None
    xla: bool = False
    counts: dict[int, dict[str, Counts]] = field(default_factory=dict)  # by the id of the graph

    def fill_in(self, found: Autopsy) -> None:
        """Losses that are bad are asked first: gradients are bad with them."""
        birth: Birth | None = None
        for run, targets, losses in self.by_graph():
            if found.loss is None and losses:
                found.loss = mean_of_bad(run, losses)
            later = self.find(run, targets, losses)
            birth = birth or later
        if birth is None and any(map(self.is_bad, self.wanted())):
            birth = self.find_in_exchanges()
        self.settle(found, birth)

    def wanted(self) -> list[Tensor]:
        return [tensor for tensor in losses_and_gradients(self.seen) if can_count(tensor)]

    def by_graph(self) -> Iterator[tuple[GraphRun, list[Tensor], list[Tensor]]]:
        """The losses and gradients by their graphs, each with the run of its graph; and the losses alone."""
        losses = {id(tensor) for tensor in self.seen.targets}
        for run, targets in self.runs_of(self.wanted()):
            yield run, targets, [tensor for tensor in targets if id(tensor) in losses]

    def settle(self, found: Autopsy, birth: Birth | None) -> None:
        found.reproduced = any(map(self.is_bad, self.wanted()))
        if birth is not None:
            stopped = tuple(sorted(self.search.stopped))
            origin = argument_origins.UNKNOWN
            with self.seen.catch_errors("asking what an argument is made of"):
                origin = argument_origins.of_graph_op(birth.op, self.seen)
            found.op = replace(
                op_info(self.bad_op(birth), self.compile_location),
                stopped_by=stopped,
                made_of=origin.made_of,
                made_by=origin.made_by,
                met=origin.constants,
            )
            found.birth = birth
        found.spread = self.list_spread()

    def find(self, run: GraphRun, targets: Sequence[Tensor], before: Sequence[Tensor]) -> Birth | None:
        birth = self.search.find_birth(run, targets, before=before)
        self.counts.setdefault(id(run.graph), {}).update(self.search.counts)
        return birth

    def find_in_exchanges(self) -> Birth | None:
        """The first birth in what any of the replicas gave to the others."""
        run, given = self.outermost, list[Tensor]()
        for op in run.graph.get_operations():
            if is_exchange(op) and all(tensor.name in run.known for tensor in op.outputs):
                given += filter(can_count, op.inputs)
        return self.find(run, given, []) if given else None

    def runs_of(self, targets: Sequence[Tensor]) -> Iterator[tuple[GraphRun, list[Tensor]]]:
        """The targets by their graphs, each with the run of its graph; what is out of reach is left out."""
        by_graph: dict[int, list[Tensor]] = {}
        for tensor in targets:
            by_graph.setdefault(id(tensor.graph), []).append(tensor)
        for group in by_graph.values():
            run = self.run_in(group[0].graph)
            if run is not None:
                yield run, group

    def run_in(self, graph: Graph) -> GraphRun | None:
        """The run of ``graph``, be it a function that the outermost one calls."""
        run: GraphRun | None = self.outermost
        if graph is self.outermost.graph:
            return run
        path = tensorflow_names.calls_to(self.outermost.graph, graph)
        for op in path:
            called = tensorflow_names.called_graphs(op)
            if run is None or "f" not in called:
                return None
            inner = run_of(called["f"], run.values(list(op.inputs)), self.xla)
            run = inner and inner.with_values(held_inside(op, run.known, "f"))
        return run if path else None

    def with_loops_run_again(self) -> StepAutopsy:
        """The same, and what came out of loops in which something is drawn is not taken as it was."""
        graph, held = self.outermost.graph, self.outermost.known
        kept = {name: value for name, value in held.items() if not is_of_loop(graph, name)}
        return replace(self, outermost=GraphRun(graph, kept), counts={})

    def fill_in_compiled(self, found: Autopsy, xla: bool) -> None:
        """Of a step that is finite op by op: as XLA compiles it, else as TensorFlow rewrites it, so that it
        computes in another order, or with an arithmetic of its own, at 0 / 0 and 0 * inf above all."""
        by_halves = Bisection(self.search, xla)
        if xla:  # the outermost graph calls the compiled one, and is no part of it
            with contextlib.suppress(tf.errors.OpError):  # it takes no list of tensors
                replace(self, xla=True, counts={}).fill_in(found)
        if found.birth is not None and by_halves.is_bad_alone(found.birth):
            found.notes.append(OnlyCompiled(xla, placed=True))
        elif not replace(self, counts={}).fill_in_by_halves(found, by_halves):
            found.notes.append(
                OnlyCompiled(xla, found.op is not None) if found.reproduced else StayedFinite()
            )

    def fill_in_by_halves(self, found: Autopsy, by_halves: Bisection) -> bool:
        """Whether the step went bad."""
        births: list[CompiledBirth] = []
        for run, targets, before in self.by_graph():
            births += filter(None, [by_halves.find_birth(run, targets, before)])
            self.counts[id(run.graph)] = by_halves.counts
        if not any(self.is_bad(tensor) for tensor in self.wanted()):
            return False
        self.settle(found, births[0].birth if births else None)
        found.notes.append(
            OnlyCompiled(by_halves.xla, bool(births), bool(births) and not births[0].explained)
        )
        return True

    # -- what was found ----------------------------------------------------------------------------

    def bad_op(self, birth: Birth) -> BadOp:
        """The birth with the values that went in and came out."""
        op, place = birth.op, place_of(birth.op, birth.callers)
        bad = [tensor for tensor in op.outputs if can_count(tensor)]
        counted = birth.run.count(bad)
        output = next((tensor for tensor in bad if counted[tensor.name].bad), bad[0])
        inputs = [tensor for tensor in op.inputs if can_count(tensor)]
        *given, made = map(array_of, birth.run.values([*inputs, output]))
        shown = [
            (value, tensor.dtype.name)
            for value, tensor in zip(given, inputs, strict=True)
            if value is not None
        ]
        assert made is not None
        return BadOp(
            0,
            op.type,
            "backward" if place.backward else "forward",
            True,
            self.path_of(place.called),
            place.location,
            place.forward_type,
            (),
            tuple(value for value, _ in shown),
            tuple(dtype for _, dtype in shown),
            made,
            place.in_loss,
        )

    def path_of(self, called: Operation | None) -> str | None:
        """A layer's path in the model, else its own name."""
        if called is None:
            return None
        layers = [] if self.model is None else seam().layers_of(self.model)
        return next((path for path, layer in layers if layer is called), getattr(called, "path", called.name))

    def counted(self, tensor: Tensor) -> Counts:
        return self.counts.get(id(tensor.graph), {}).get(tensor.name, Counts())

    def is_bad(self, tensor: Tensor) -> bool:
        return self.counted(tensor).bad > 0

    def values(self, tensors: Sequence[Tensor]) -> dict[int, Tensor]:
        """By their ids; without those that cannot be had of what was held."""
        found: dict[int, Tensor] = {}
        for run, group in self.runs_of(tensors):
            for tensor in group:
                with contextlib.suppress(MissingValue, tf.errors.OpError):
                    found[id(tensor)] = run.values([tensor])[0]
        return found

    def list_spread(self) -> list[SpreadEntry]:
        """The places that were non-finite: forward by layer, the loss, then gradients from the last layer."""
        found: list[SpreadEntry] = []

        def add(role: Role, path: str, tensor: Tensor) -> None:
            counts = self.counted(tensor)
            if counts.bad:
                found.append(SpreadEntry(role, path, counts.bad, counts.size, first=not found))

        for layer, tensor in dict(self.seen.activations).items():
            add("activation", self.path_of(layer) or "", tensor)
        for loss in [tensor for tensor in self.seen.targets if self.is_bad(tensor)][:1]:
            add("loss", "", loss)
        for grad, variable in reversed(self.seen.gradients):
            if grad is not None:
                add("gradient", seam().path_of(variable), dense(grad))
        return found


def mean_of_bad(run: GraphRun, losses: Sequence[Tensor]) -> float | None:
    """The mean of the first loss that is not finite, else of the last; None without any."""
    values = [value for value in map(array_of, run.values(losses)) if value is not None and value.size]
    means = [float(np.mean(value)) for value in values]
    return next((mean for mean in means if not np.isfinite(mean)), means[-1] if means else None)
