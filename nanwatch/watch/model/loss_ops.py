"""Which cross-entropy a loss of the script's own comes to, as the ops of a traced step show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.watch.keras_seam.keras_types import Op, Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf
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


def crossentropy_of(output: Tensor, loss: Tensor) -> Crossentropy | None:
    """The cross-entropy whose mean over the rows ``loss``, a scalar, is: of ``output`` and of nothing else.

    None of eager tensors.
    """
    if op_of(output) is None or op_of(loss) is None:
        return None
    sources = sources_of(output)
    tensor, divided = loss, False
    for _ in range(DEPTH):
        op = tensor.op
        found = match_kernel(op, output)
        if found is not None:
            return found
        upper = [one for one in op.inputs if depends(one, sources)]
        if len(upper) != 1 or not keeps_the_mean(op, upper[0], divided):
            return None
        divided = op.type in DIVISIONS
        tensor = upper[0]
    return None


def keeps_the_mean(op: Op, source: Tensor, divided: bool) -> bool:
    """Whether an op on the way from the cross-entropies of the rows to the loss leaves their mean as it is.

    ``divided``: what comes out of it is divided by the number of rows, as Keras does.
    """
    if op.type in PASSING or op.type in ("Mean", "AddV2", "AddN", "Pack"):
        return True
    if op.type in DIVISIONS:
        return source.op.type == "Sum" and is_count(op.inputs[1], source.op.inputs[0])
    if op.type == "Sum":  # Keras packs the loss and the penalties of the layers to add them up
        return divided or source.op.type == "Pack"
    if op.type == "Mul":
        return all(constant_value(one) == 1.0 for one in op.inputs if one is not source)
    return False


def is_count(divisor: Tensor, summed: Tensor) -> bool:
    """Whether this is the number of the summed elements, as far as it is a constant at all."""
    value = constant_value(divisor)
    return value is None or value == summed.shape.num_elements()


def match_kernel(op: Op, output: Tensor) -> Crossentropy | None:
    """The cross-entropy of ``output`` that ends in this op."""
    if op.type == "SparseSoftmaxCrossEntropyWithLogits":
        return classify_source(SPARSE, op.inputs[0], output)
    if op.type == "SoftmaxCrossEntropyWithLogits":
        return classify_source(CATEGORICAL, op.inputs[0], output)
    if op.type == "AddV2":
        logits = logits_of_logistic(op)
        return classify_source(BINARY, logits, output) if logits is not None else None
    if op.type == "Neg":
        return of_logarithms(op.inputs[0].op, output)
    return None


def classify_source(name: str, source: Tensor, output: Tensor) -> Crossentropy | None:
    """How the cross-entropy takes ``output``: as logits, as probabilities, or past its activation."""
    op = source.op
    if op.type == "Log" and is_same(source_of_clip(op.inputs[0]), output):
        return Crossentropy(name, False)
    if is_same(source, output):
        return Crossentropy(name, True)
    made = list(sources_behind(output))[-1].op
    if made.type in UNWRAPPED and is_same(source, made.inputs[0]):
        return Crossentropy(name, None)
    return None


def logits_of_logistic(op: Op) -> Tensor | None:
    """The logits of TensorFlow's ``max(x, 0) - x * z + log1p(exp(-|x|))``; None for another sum."""
    if len(op.inputs) != 2:
        return None
    first, second = (one.op for one in op.inputs)
    if (first.type, second.type) != ("Sub", "Log1p"):
        return None
    product, exponential = first.inputs[1].op, second.inputs[0].op
    if (product.type, exponential.type) != ("Mul", "Exp"):
        return None
    return product.inputs[0]


def of_logarithms(op: Op, output: Tensor) -> Crossentropy | None:
    """Keras's sums of ``target * log(p)``, of shares of a row or of each number by itself."""
    logs = list(logarithms(op))
    if op.type == "Sum" and len(logs) == 1:
        share = source_of_clip(logs[0])
        if share is not None and share.op.type == "RealDiv" and is_same(share.op.inputs[0], output):
            return Crossentropy(CATEGORICAL, False)
    if op.type == "AddV2" and len(logs) == 2:
        of_one, of_zero = logs[0], logs[1].op
        if of_zero.type == "Sub" and is_same(source_of_clip(of_one), output):
            return Crossentropy(BINARY, False) if is_same(source_of_clip(of_zero.inputs[1]), output) else None
    return None


def logarithms(op: Op) -> Iterator[Tensor]:
    """What the logarithms are taken of, in a sum of products with one each."""
    for tensor in op.inputs[:2] if op.type == "AddV2" else op.inputs[:1]:
        product = tensor.op
        if product.type == "Mul":
            factor = product.inputs[1].op
            if factor.type == "Log":
                yield factor.inputs[0]


def source_of_clip(tensor: Tensor) -> Tensor | None:
    """What is cut off at both ends to give ``tensor``; None where it is not."""
    upper = tensor.op
    if upper.type != "Maximum":
        return None
    lower = upper.inputs[0].op
    return lower.inputs[0] if lower.type == "Minimum" else None


def is_same(tensor: Tensor | None, other: Tensor) -> bool:
    """Whether both are the same numbers, handed on and reshaped."""
    if tensor is None:
        return False
    names = {name_of(one) for one in sources_behind(tensor)}
    return any(name_of(one) in names for one in sources_behind(other))


def name_of(tensor: Tensor) -> tuple[int, str]:
    return id(tensor.graph), tensor.name


def sources_of(output: Tensor) -> frozenset[tuple[int, str]]:
    """The output, what it is handed on from, and what its activation is applied to."""
    handed = list(sources_behind(output))
    made = handed[-1].op
    if made.type in UNWRAPPED:
        handed += sources_behind(made.inputs[0])
    return frozenset(map(name_of, handed))


def depends(tensor: Tensor, sources: frozenset[tuple[int, str]]) -> bool:
    """Whether ``tensor`` is computed from one of ``sources``; yes, too, where the search is too long."""
    met: set[str] = set()
    waiting = [tensor]
    while waiting:
        one = waiting.pop()
        if name_of(one) in sources or len(met) > MOST_OPS:
            return True
        op = one.op
        if op.name not in met and op.type not in SHAPES:
            met.add(op.name)
            waiting += op.inputs
    return False


def constant_value(tensor: Tensor) -> float | None:
    """The number that a scalar is, where that is known while it is traced."""
    value = tf.get_static_value(tensor)
    return float(value) if value is not None and value.ndim == 0 else None
