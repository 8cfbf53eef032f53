"""Where a step goes bad that does so only as it was compiled: the beginnings of its graph, by halves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nanwatch.watch.incident.births import Birth, Search, can_count, inner_targets, is_list
from nanwatch.watch.incident.graph_run import FINE, Counts, GraphRun
from nanwatch.watch.incident.op_trace import array_of
from nanwatch.watch.incident.singular_arguments import is_singular
from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Array, Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf

NEAR = 12  # ops before one that the compiler may have made one thing of with it


@dataclass(frozen=True)
class CompiledBirth:
    """An op that gave a non-finite number where what came before it, compiled, is finite."""

    birth: Birth
    explained: bool  # by the op alone or what it was given; else it is what the compiler made of several


@dataclass
class Beginnings:
    """The ops that lead to ``targets``, in their order; the first of them can be compiled by themselves."""

    run: GraphRun
    targets: Sequence[Tensor]
    ops: Sequence[Op]
    one_by_one: Mapping[str, Counts]  # of their tensors, run op by op

    def border(self, number: int) -> list[Tensor]:
        """What the first ``number`` ops give to the others and to whoever asked for the targets."""
        before = {op.name for op in self.ops[:number]}
        taken = [tensor for op in self.ops[number:] for tensor in op.inputs]
        found = [tensor for tensor in (*self.targets, *taken) if tensor.op.name in before]
        return [each for each in {tensor.name: tensor for tensor in found}.values() if can_count(each)]

    def went_bad(self, values: Mapping[str, Tensor]) -> list[str]:
        """The names of the tensors in which there is more that is no number than op by op."""
        found = []
        for name, value in values.items():
            counts, before = counts_of(value), self.one_by_one.get(name, FINE)
            if counts.nan > before.nan or counts.inf > before.inf:
                found.append(name)
        return found


@dataclass
class Bisection:
    """One look for what only compiling brings about. Raises `OutOfTime` as `Search` does."""

    search: Search
    xla: bool  # else it is TensorFlow that rewrites the graph
    counts: dict[str, Counts] = field(default_factory=dict)  # of what was asked for last

    def find_birth(
        self, run: GraphRun, targets: Sequence[Tensor], before: Sequence[Tensor] = ()
    ) -> CompiledBirth | None:
        """The op that makes one of ``targets`` go bad that were finite op by op; None: there is none.

        Those that are in ``before``, too, are asked by themselves first.
        """
        found = self.find_in(replace(run, xla=self.xla, programs={}), targets, before, ())
        return None if found is None else self.judge(found)

    def find_in(
        self,
        run: GraphRun,
        targets: Sequence[Tensor],
        first: Sequence[Tensor] = (),
        callers: tuple[Op, ...] = (),
    ) -> Birth | None:
        whole = self.beginnings(run, targets)
        made = self.compiled(whole, len(whole.ops))
        if not callers:
            self.counts = {name: counts_of(value) for name, value in made.items()}
        bad = set(whole.went_bad(made))
        if not bad:
            return None
        asked = [tensor for tensor in first if tensor.name in bad]
        nearer = self.beginnings(run, asked or [tensor for tensor in targets if tensor.name in bad])
        made_nearer = self.compiled(nearer, len(nearer.ops))
        if nearer.went_bad(made_nearer):
            return self.halve(nearer, made_nearer, callers)
        return self.halve(whole, made, callers)

    def beginnings(self, run: GraphRun, targets: Sequence[Tensor]) -> Beginnings:
        ops = sorted(run.needed(targets), key=lambda op: run.places[op.name])
        outputs = [tensor for op in ops for tensor in op.outputs if can_count(tensor)]
        self.search.ops += len(ops)
        return Beginnings(run, targets, ops, replace(run, xla=False, programs={}).count(outputs))

    def compiled(self, begun: Beginnings, number: int) -> dict[str, Tensor]:
        """What the first ``number`` ops give, compiled without the others; by the tensors' names."""
        border = begun.border(number)
        names = [tensor.name for tensor in border]
        return dict(zip(names, self.values(begun.run, border), strict=True))

    def halve(self, begun: Beginnings, made: Mapping[str, Tensor], callers: tuple[Op, ...]) -> Birth | None:
        """The beginning with its last op is bad, and without it finite."""
        low, high = 0, len(begun.ops)
        given: Mapping[str, Tensor] = {}
        while high - low > 1:
            middle = (low + high) // 2
            values = self.compiled(begun, middle)
            if begun.went_bad(values):
                high, made = middle, values
            else:
                low, given = middle, values
        op = begun.ops[high - 1]
        maker = next(
            (each.op for each in op.inputs if is_list(each) and each.op.type in tensorflow_names.CALLS), None
        )
        known = {**begun.run.known, **given}
        if maker is not None or op.type in tensorflow_names.CALLS:
            inner = self.enter(replace(begun.run, known=known), maker or op, callers)
            if inner is not None:
                return inner
        outputs = {tensor.name: made[tensor.name] for tensor in op.outputs if tensor.name in made}
        if not begun.went_bad(outputs):
            return None
        inputs = {tensor.name: known[tensor.name] for tensor in op.inputs if tensor.name in known}
        run = replace(begun.run, known={**begun.run.known, **inputs, **outputs}, programs={})
        return Birth(op, run, callers, begun.ops)

    def enter(self, run: GraphRun, op: Op, callers: tuple[Op, ...]) -> Birth | None:
        """The birth inside of what ``op`` calls; op by op, where what it was given is all that is wrong."""
        try:
            inner = self.search.inner_run(replace(run, programs={}), op)
        except tf.errors.OpError:  # XLA takes no list of tensors
            return None
        if inner is None:
            return None
        inner, targets = replace(inner, programs={}), inner_targets(inner, op, op.outputs)
        found = self.find_in(inner, targets, callers=(*callers, op))
        return found or self.search.find_birth(replace(inner, xla=False), targets, (*callers, op))

    # -- what it is ------------------------------------------------------------------------------

    def judge(self, birth: Birth) -> CompiledBirth:
        """Of an op that is finite by itself those before it are asked, with which it was made one.

        One that has no value for what it was given is named in its place.
        """
        if self.is_bad_alone(birth) or is_singular(birth.op.type, given_to(birth.run, birth.op)):
            return CompiledBirth(birth, True)
        is_explained = False
        for op in before(birth):
            run = self.with_inputs(birth.run, op)
            if is_singular(op.type, given_to(run, op)):
                other = replace(birth, op=op, run=run)
                if self.is_bad_alone(other):
                    return CompiledBirth(other, True)
                is_explained = True
        return CompiledBirth(birth, is_explained)

    def is_bad_alone(self, birth: Birth) -> bool:
        """Whether the op, compiled by itself, gives it for what it was given."""
        made = [tensor for tensor in birth.op.outputs if can_count(tensor)]
        given = {name: value for name, value in birth.run.known.items() if name not in {t.name for t in made}}
        return any(counts_of(value).bad for value in self.values(replace(birth.run, known=given), made))

    def with_inputs(self, run: GraphRun, op: Op) -> GraphRun:
        """``run``, with what goes into ``op`` compiled without the rest."""
        inputs = [tensor for tensor in op.inputs if can_count(tensor) and tensor.name not in run.known]
        names = [tensor.name for tensor in inputs]
        made = dict(zip(names, self.values(run, inputs), strict=True))
        return replace(run, known={**run.known, **made}, programs={})

    def values(self, run: GraphRun, tensors: Sequence[Tensor]) -> list[Tensor]:
        self.search.check_time()
        again = replace(run, xla=self.xla, programs={})
        if self.xla:
            return again.values(tensors)
        with tensorflow_names.rewrite_graphs():
            return again.values(tensors)


def before(birth: Birth) -> list[Op]:
    """The nearest ops that what went into the birth was computed by, in the graph that was compiled."""
    found: dict[str, Op] = {}
    waiting = [tensor.op for tensor in birth.op.inputs]
    needed = {op.name for op in birth.level}
    while waiting and len(found) < NEAR:
        op = waiting.pop(0)
        if op.name in needed and op.name not in found:
            found[op.name] = op
            waiting += [tensor.op for tensor in op.inputs]
    return list(found.values())


def given_to(run: GraphRun, op: Op) -> list[Array | None]:
    """What is known of the inputs of ``op``, in their order; None for one that is no float."""
    return [array_of(run.known[each.name]) if each.name in run.known else None for each in op.inputs]


def counts_of(value: Tensor) -> Counts:
    return Counts(*map(int, tensorflow_names.count_nonfinite(value).numpy()))
