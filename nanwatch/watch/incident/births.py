"""Where in a graph that ran a non-finite number was born that came to a loss or a gradient."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from nanwatch.watch.incident.graph_run import FINE, Counts, GraphRun
from nanwatch.watch.incident.op_trace import SOFTMAX, OutOfTime
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.held_functions import held_inside
from nanwatch.watch.keras_seam.keras_types import Graph, Op, Tensor

# Ops that make nothing: what they give was theirs, or their input's.
HANDING = frozenset(
    (
        *("Const", "Identity", "IdentityN", "ReadVariableOp", "ResourceGather", "Placeholder", "Bitcast"),
        *("Empty", "EmptyLike", "StopGradient", "Snapshot", "Reshape", "Squeeze", "ExpandDims"),
    )
)
# Of what a fused kernel keeps for its gradient anything may stand behind its first outputs.
MEANT_OUTPUTS = {"FusedBatchNormV3": 3, "FusedBatchNormGradV3": 3}
LISTS = "TensorList"
GRADIENTS = "gradient_tape/"  # the name scope in which a tape computes them
MOST_TURNS = 100_000  # of a loop


@dataclass(frozen=True)
class Birth:
    """The op that gave a non-finite number, in the run of its graph, and the ops that called that graph."""

    op: Op
    run: GraphRun
    callers: tuple[Op, ...]  # outermost first
    level: Sequence[Op] = ()  # those of its graph that what was asked for needs, in their order


@dataclass
class Search:
    """One look for births. Raises `OutOfTime` from any of its methods when it took too long."""

    deadline: float  # of `time.perf_counter`
    ops: int = 0
    counts: dict[str, Counts] = field(default_factory=dict)  # of the outermost graph's tensors
    stopped: set[str] = field(default_factory=set)  # types of ops that gave finite numbers for what was not

    def find_birth(
        self,
        run: GraphRun,
        targets: Sequence[Tensor],
        callers: tuple[Op, ...] = (),
        before: Sequence[Tensor] = (),
    ) -> Birth | None:
        """The first birth on the way to the non-finite ones among ``targets``; None: there is none.

        Those that are in ``before``, too, are asked by themselves first.
        """
        level = self.count_level(run, targets)
        if not callers:
            self.counts = level.counts
        level.judge_all()
        births = level.births(before) or level.births(targets)
        self.stopped |= level.stopping()
        if not births:
            return None
        first = Birth(births[0], run, callers, level.needed)
        if first.op.type not in tensorflow_names.CALLS:
            return first
        inner = self.enter(level, first.op, callers)
        # Where nothing is born inside, what went in may be all that was wrong.
        return inner or (None if level.was_given_bad() else first)

    def count_level(self, run: GraphRun, targets: Sequence[Tensor]) -> Level:
        self.check_time()
        needed = run.needed(targets)
        self.ops += len(needed)
        tensors = [tensor for op in needed for tensor in meant_outputs(op) if can_count(tensor)]
        given = [tensor for op in needed for tensor in op.inputs if tensor.name in run.known]
        given += [tensor for tensor in targets if tensor.name in run.known]
        return Level(run, needed, run.count([*tensors, *filter(can_count, given)]))

    def check_time(self) -> None:
        if time.perf_counter() > self.deadline:
            raise OutOfTime

    # -- into what an op calls ---------------------------------------------------------------------

    def enter(self, level: Level, op: Op, callers: tuple[Op, ...]) -> Birth | None:
        """The birth inside the function that ``op`` calls; None where none is found there."""
        inner = self.inner_run(level.run, op)
        if inner is None:
            return None
        bad = [tensor for tensor in op.outputs if is_list(tensor) or level.is_bad(tensor)]
        return self.find_birth(inner, inner_targets(inner, op, bad), (*callers, op))

    def inner_run(self, run: GraphRun, op: Op) -> GraphRun | None:
        """The run of what ``op`` calls: of the branch that is taken, of the turn of a loop that goes bad."""
        graphs = tensorflow_names.called_graphs(op)
        values = run.values(list(op.inputs))
        if "body" in graphs:
            return self.turn_before(graphs, values, run.xla)
        name, given = "f", values
        if "then_branch" in graphs:
            name, given = ("then_branch" if bool(values[0]) else "else_branch"), values[1:]
        inner = run_of(graphs.get(name), given, run.xla)
        return inner and inner.with_values(held_inside(op, run.known, name))

    def turn_before(self, graphs: dict[str, Graph], values: list[Tensor], xla: bool) -> GraphRun | None:
        """The turn of a loop in which something goes bad that was fine, before it is made."""
        body, condition = (run_of(graphs.get(name), values, xla) for name in ("body", "cond"))
        if body is None or condition is None:
            return None
        outputs = list(body.graph.outputs)
        watched = [*filter(can_count, outputs), *written_to_lists(body.graph)]
        watched = [tensor for tensor in watched if tensor.name not in body.known]
        names = [tensor.name for tensor in watched]
        turn = body.program([tensor.name for tensor in outputs], names)
        goes_on = condition.program([tensor.name for tensor in condition.graph.outputs], [])
        before: set[int] | None = None
        for _ in range(MOST_TURNS):
            self.check_time()
            (more,), _ = goes_on(known_of(condition, values))
            if not bool(more):
                return None
            after, counts = turn(known_of(body, values))
            bad = {place for place, row in enumerate(counts.numpy()) if row[1:].any()}
            if before is None:
                before = set()
            if bad - before:
                return run_of(body.graph, values, xla)
            before, values = bad, list(after)
        return None


@dataclass
class Level:
    """The needed ops of one graph, and the counts of their tensors."""

    run: GraphRun
    needed: list[Op]
    counts: dict[str, Counts]
    given_inf: set[str] = field(default_factory=set)  # whose infinities come from constants, or were given
    bad_lists: set[str] = field(default_factory=set)
    given_lists: set[str] = field(default_factory=set)  # to the graph; what is in them is not seen
    opaque_lists: dict[str, Op] = field(default_factory=dict)  # made by a call; what is in it is not seen
    parents: dict[str, list[str]] = field(default_factory=dict)  # a bad op's bad inputs
    born: dict[str, Op] = field(default_factory=dict)  # by a name of an output

    def of(self, tensor: Tensor) -> Counts:
        return self.counts.get(tensor.name, FINE)

    def is_bad(self, tensor: Tensor) -> bool:
        return self.of(tensor).bad > 0 or tensor.name in self.bad_lists

    def judge_all(self) -> None:
        """Note of every op what it did with what was bad; `births` is asked after it."""
        for name in self.run.known:
            if self.counts.get(name, FINE).inf:
                self.given_inf.add(name)
        self.given_lists |= {name for name, value in self.run.known.items() if is_list(value)}
        for op in self.needed:
            self.judge(op)

    def births(self, targets: Sequence[Tensor]) -> list[Op]:
        """The ops that gave birth to what is bad in ``targets``, in their order."""
        waiting = [tensor.name for tensor in targets if self.is_bad(tensor)]
        reached: set[str] = set()
        found: dict[str, Op] = {}
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                if name in self.born:
                    found[self.born[name].name] = self.born[name]
                waiting += self.parents.get(name, [])
        return sorted(found.values(), key=lambda op: self.run.places[op.name])

    def was_given_bad(self) -> bool:
        return any(self.counts.get(name, FINE).bad for name in self.run.known)

    def stopping(self) -> set[str]:
        """The types of the forward ops into which something bad went, and out of which came numbers."""
        return {
            op.type
            for op in self.needed
            if not op.name.startswith(GRADIENTS)
            and any(self.of(tensor).bad for tensor in op.inputs)
            and any(map(can_count, op.outputs))
            and not any(self.of(tensor).bad for tensor in meant_outputs(op))
        }

    def judge(self, op: Op) -> None:
        """Note what ``op`` did with what was bad, or what it made bad."""
        bad_inputs = [tensor.name for tensor in op.inputs if self.is_bad(tensor)]
        if op.type.startswith(LISTS):
            self.follow_list(op, bad_inputs)
        for tensor in meant_outputs(op):
            if tensorflow_names.is_variant(tensor):
                if op.type in tensorflow_names.CALLS:
                    self.opaque_lists[tensor.name] = op
                continue
            if not self.of(tensor).bad:
                continue
            self.parents[tensor.name] = bad_inputs
            if op.type == "Const" or self.only_hands_given(op, tensor):
                self.given_inf.add(tensor.name)
            elif op.type not in HANDING and self.is_birth(op, tensor):
                self.born[tensor.name] = self.maker_of_list(op) or op
                self.parents[tensor.name] = []  # infinite ones were meant

    def only_hands_given(self, op: Op, output: Tensor) -> bool:
        """Whether the infinities that ``op`` gives are given ones, and nothing else is wrong with it."""
        infinite = [tensor.name for tensor in op.inputs if self.of(tensor).inf]
        return bool(infinite) and not self.of(output).nan and self.given_inf.issuperset(infinite)

    def is_birth(self, op: Op, output: Tensor) -> bool:
        """Finite inputs; or, of NaN, inputs without any, whose infinities were given."""
        if any(self.of(tensor).nan or tensor.name in self.bad_lists for tensor in op.inputs):
            return False
        if any(tensor.name in self.given_lists for tensor in op.inputs) and op.type.startswith(LISTS):
            return False  # what is in a list that the graph was given was made outside of it
        infinite = [tensor for tensor in op.inputs if self.of(tensor).inf]
        if not infinite:
            return True
        if not self.of(output).nan:
            return False
        masked = op.type in SOFTMAX and not any(self.of(tensor).pos_inf for tensor in infinite)
        return masked or self.given_inf.issuperset(tensor.name for tensor in infinite)

    def follow_list(self, op: Op, bad_inputs: list[str]) -> None:
        """A list of tensors is bad when one of what was put into it is."""
        inside = next(
            (self.opaque_lists[each.name] for each in op.inputs if each.name in self.opaque_lists), None
        )
        is_given = any(tensor.name in self.given_lists for tensor in op.inputs)
        for tensor in op.outputs:
            if tensorflow_names.is_variant(tensor):
                if is_given:
                    self.given_lists.add(tensor.name)
                if bad_inputs:
                    self.bad_lists.add(tensor.name)
                    self.parents[tensor.name] = bad_inputs
                if inside is not None:
                    self.opaque_lists[tensor.name] = inside

    def maker_of_list(self, op: Op) -> Op | None:
        """The call that made the list from which ``op`` takes what is bad."""
        if not op.type.startswith(LISTS):
            return None
        made = (self.opaque_lists[each.name] for each in op.inputs if each.name in self.opaque_lists)
        return next(made, None)


def is_list(tensor: Tensor) -> bool:
    return tensorflow_names.is_variant(tensor)


def meant_outputs(op: Op) -> Sequence[Tensor]:
    return op.outputs[: MEANT_OUTPUTS.get(op.type, len(op.outputs))]


def can_count(tensor: Tensor) -> bool:
    return tensor.dtype.is_floating and tensor.dtype.size <= 8


def run_of(graph: Graph | None, values: Sequence[Tensor], xla: bool) -> GraphRun | None:
    if graph is None or len(graph.inputs) != len(values):
        return None
    names = [tensor.name for tensor in graph.inputs]
    return GraphRun(graph, dict(zip(names, values, strict=True)), xla)


def known_of(run: GraphRun, values: Sequence[Tensor]) -> dict[str, Tensor]:
    return dict(zip((tensor.name for tensor in run.graph.inputs), values, strict=True))


def inner_targets(inner: GraphRun, op: Op, bad: Sequence[Tensor]) -> list[Tensor]:
    """What inside the function becomes ``bad``, outputs of ``op``; of lists all that is written to them."""
    outputs = list(inner.graph.outputs)
    if "body" in tensorflow_names.CALLS[op.type]:
        return [*filter(can_count, outputs), *written_to_lists(inner.graph)]
    names = {tensor.name for tensor in bad}
    pairs = zip(outputs, op.outputs, strict=False)
    found = [inside for inside, outside in pairs if can_count(inside) and outside.name in names]
    return [*found, *(written_to_lists(inner.graph) if any(map(is_list, bad)) else ())]


def written_to_lists(graph: Graph) -> list[Tensor]:
    """What the graph puts into lists of tensors."""
    return [
        tensor
        for op in graph.get_operations()
        if op.type in ("TensorListSetItem", "TensorListPushBack")
        for tensor in op.inputs
        if can_count(tensor)
    ]
