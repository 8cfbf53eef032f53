"""A traced graph that is run once more, from what it was given to any of its tensors."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from nanwatch.watch.keras_seam import held_functions, tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Graph, Op, Tensor


class Counts(NamedTuple):
    """How many elements a tensor has, and how many of them are no finite number."""

    size: int = 0
    neg_inf: int = 0
    pos_inf: int = 0
    nan: int = 0

    @property
    def bad(self) -> int:
        return self.neg_inf + self.pos_inf + self.nan

    @property
    def inf(self) -> int:
        return self.neg_inf + self.pos_inf


FINE = Counts()


@dataclass(frozen=True)
class GraphRun:
    """``graph``, with values for its arguments, for what it captured, and for what was held of it."""

    graph: Graph
    known: Mapping[str, Tensor]  # eager, by the names of the graph's tensors
    xla: bool = False  # compiled, else op by op
    programs: dict[tuple[str, ...], tensorflow_names.GraphProgram] = field(
        default_factory=dict
    )  # made so far
    put_in: tensorflow_names.PutIn = held_functions.put_in  # what it runs may be another than what ran

    @functools.cached_property
    def definition(self) -> Any:
        return self.graph.as_graph_def()

    @functools.cached_property
    def places(self) -> Mapping[str, int]:
        """Where in the order of its ops each has its place, by its name."""
        return {op.name: place for place, op in enumerate(self.graph.get_operations())}

    def needed(self, targets: Iterable[Tensor]) -> list[Op]:
        """The ops that run for ``targets``, each behind those that it takes from.

        Raises:
            MissingValue: a part of what they start from has no value.
        """
        found: dict[str, Op] = {}
        waiting = [(tensor.op, False) for tensor in targets if tensor.name not in self.known]
        begun: set[str] = set()
        while waiting:
            op, is_ready = waiting.pop()
            if is_ready:
                found[op.name] = op
            elif op.name not in begun:
                begun.add(op.name)
                if op.type == "Placeholder":
                    raise MissingValue(op.name)
                waiting.append((op, True))
                waiting += [(tensor.op, False) for tensor in op.inputs if tensor.name not in self.known]
        return list(found.values())

    def count(self, tensors: Sequence[Tensor]) -> dict[str, Counts]:
        """`Counts` of tensors of floats, by their names."""
        names = list(dict.fromkeys(tensor.name for tensor in tensors))
        if not names:
            return {}
        _, counts = self.program([], names)(self.known)
        return {name: Counts(*map(int, row)) for name, row in zip(names, counts.numpy(), strict=True)}

    def values(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Eager, one for each."""
        found, _ = self.program([tensor.name for tensor in tensors], [])(self.known)
        return list(found)

    def program(self, wanted: Sequence[str], measured: Sequence[str]) -> tensorflow_names.GraphProgram:
        key = (*wanted, "|", *measured)
        if key not in self.programs:
            part = tensorflow_names.GraphPart(
                self.graph, self.definition, self.known, wanted, measured, self.put_in
            )
            self.programs[key] = part.program(self.xla)
        return self.programs[key]

    def with_values(self, changed: Mapping[str, Tensor]) -> GraphRun:
        """The same graph from other values, of the same dtypes and shapes."""
        return replace(self, known={**self.known, **changed})


class MissingValue(Exception):
    """An argument of the step that it did not hold."""
