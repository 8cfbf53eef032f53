"""Which cross-entropy a loss of the script's own comes to, as the ops of a traced step show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from nanwatch.watch.model.traced_graph import DEPTH, PASSING, op_of, sources_behind

MOST_OPS = 5000  # ops of a loss that are looked through
DIVISIONS = frozenset(("RealDiv", "DivNoNan"))
SHAPES = frozenset(("Shape", "ShapeN", "Size", "Rank"))  # of a tensor, and not of its numbers
UNWRAPPED = frozenset(("Softmax", "Sigmoid"))  # Keras's losses go past these, to the logits
SPARSE, CATEGORICAL, BINARY = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
)


@dataclass(frozen=True)
class Crossentropy:
    name: str
    from_logits: bool | None  # None: it goes past the output's activation, whatever it was told


def crossentropy_of(output: Any, loss: Any) -> Crossentropy | None:
    """The cross-entropy whose mean over the rows ``loss`` is, from ``output`` and from nothing else."""
    if op_of(output) is None or op_of(loss) is None:
        return None
    sources = sources_of(output)
    tensor, divided = loss, False
    for _ in range(DEPTH):
        op = op_of(tensor)
        found = match_kernel(op, output)
        if found is not None:
            return found
        upper = [one for one in op.inputs if depends(one, sources)]
        if len(upper) != 1 or not keeps_the_mean(op, upper[0], divided):
            return None
        divided = op.type in DIVISIONS
        tensor = upper[0]
    return None


def keeps_the_mean(op: Any, source: Any, divided: bool) -> bool:
    """Whether an op on the way from the cross-entropies of the rows to the loss leaves their mean as it is.

    ``divided``: what comes out of it is divided by the number of rows, as Keras does.
    """
    if op.type in PASSING or op.type in ("Mean", "AddV2", "AddN", "Pack"):
        return True
    if op.type in DIVISIONS:
        return op_of(source).type == "Sum" and is_count(op.inputs[1], op_of(source).inputs[0])
    if op.type == "Sum":  # Keras packs the loss and the penalties of the layers to add them up
        return divided or op_of(source).type == "Pack"
    if op.type == "Mul":
        return all(constant_value(one) == 1.0 for one in op.inputs if one is not source)
    return False


def is_count(divisor: Any, summed: Any) -> bool:
    """Whether this is the number of the summed elements, as far as it is a constant at all."""
    value = constant_value(divisor)
    return value is None or value == summed.shape.num_elements()


def match_kernel(op: Any, output: Any) -> Crossentropy | None:
    """The cross-entropy of ``output`` that ends in this op."""
    if op.type == "SparseSoftmaxCrossEntropyWithLogits":
        return classify_source(SPARSE, op.inputs[0], output)
    if op.type == "SoftmaxCrossEntropyWithLogits":
        return classify_source(CATEGORICAL, op.inputs[0], output)
    if op.type == "AddV2":
        logits = logits_of_logistic(op)
        return classify_source(BINARY, logits, output) if logits is not None else None
    if op.type == "Neg":
        return of_logarithms(op_of(op.inputs[0]), output)
    return None


def classify_source(name: str, source: Any, output: Any) -> Crossentropy | None:
    """How the cross-entropy takes ``output``: as logits, as probabilities, or past its activation."""
    op = op_of(source)
    if op is not None and op.type == "Log" and is_same(source_of_clip(op.inputs[0]), output):
        return Crossentropy(name, False)
    if is_same(source, output):
        return Crossentropy(name, True)
    made = op_of(list(sources_behind(output))[-1])
    if made is not None and made.type in UNWRAPPED and is_same(source, made.inputs[0]):
        return Crossentropy(name, None)
    return None


def logits_of_logistic(op: Any) -> Any:
    """The logits of TensorFlow's ``max(x, 0) - x * z + log1p(exp(-|x|))``; None for another sum."""
    if len(op.inputs) != 2:
        return None
    first, second = (op_of(one) for one in op.inputs)
    if first is None or second is None or (first.type, second.type) != ("Sub", "Log1p"):
        return None
    product, exponential = op_of(first.inputs[1]), op_of(second.inputs[0])
    if product is None or exponential is None or (product.type, exponential.type) != ("Mul", "Exp"):
        return None
    return product.inputs[0]


def of_logarithms(op: Any, output: Any) -> Crossentropy | None:
    """Keras's sums of ``target * log(p)``, of shares of a row or of each number by itself."""
    if op is None:
        return None
    logs = list(logarithms(op))
    if op.type == "Sum" and len(logs) == 1:
        share = op_of(source_of_clip(logs[0]))
        if share is not None and share.type == "RealDiv" and is_same(share.inputs[0], output):
            return Crossentropy(CATEGORICAL, False)
    if op.type == "AddV2" and len(logs) == 2:
        of_one, of_zero = logs[0], op_of(logs[1])
        if of_zero is not None and of_zero.type == "Sub" and is_same(source_of_clip(of_one), output):
            return Crossentropy(BINARY, False) if is_same(source_of_clip(of_zero.inputs[1]), output) else None
    return None


def logarithms(op: Any) -> Iterator[Any]:
    """What the logarithms are taken of, in a sum of products with one each."""
    for tensor in op.inputs[:2] if op.type == "AddV2" else op.inputs[:1]:
        product = op_of(tensor)
        if product is not None and product.type == "Mul":
            factor = op_of(product.inputs[1])
            if factor is not None and factor.type == "Log":
                yield factor.inputs[0]


def source_of_clip(tensor: Any) -> Any:
    """What is cut off at both ends to give ``tensor``; None where it is not."""
    upper = op_of(tensor)
    if upper is None or upper.type != "Maximum":
        return None
    lower = op_of(upper.inputs[0])
    return lower.inputs[0] if lower is not None and lower.type == "Minimum" else None


def is_same(tensor: Any, other: Any) -> bool:
    """Whether both are the same numbers, handed on and reshaped."""
    if tensor is None:
        return False
    names = {name_of(one) for one in sources_behind(tensor)}
    return any(name_of(one) in names for one in sources_behind(other))


def name_of(tensor: Any) -> tuple[int, str]:
    return id(tensor.graph), tensor.name


def sources_of(output: Any) -> frozenset[tuple[int, str]]:
    """The output, what it is handed on from, and what its activation is applied to."""
    handed = list(sources_behind(output))
    made = op_of(handed[-1])
    if made is not None and made.type in UNWRAPPED:
        handed += sources_behind(made.inputs[0])
    return frozenset(map(name_of, handed))


def depends(tensor: Any, sources: frozenset[tuple[int, str]]) -> bool:
    """Whether ``tensor`` is computed from one of ``sources``; yes, too, where the search is too long."""
    met: set[str] = set()
    waiting = [tensor]
    while waiting:
        one = waiting.pop()
        if name_of(one) in sources or len(met) > MOST_OPS:
            return True
        op = op_of(one)
        if op is not None and op.name not in met and op.type not in SHAPES:
            met.add(op.name)
            waiting += op.inputs
    return False


def constant_value(tensor: Any) -> float | None:
    value = tf.get_static_value(tensor)
    return float(value) if value is not None and value.ndim == 0 else None
