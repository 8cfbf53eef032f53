"""Which tensors of a step lie in memory anyway: to read one of these changes nothing of the arithmetic.

TensorFlow's graph optimizer computes a matrix product, its bias and the activation behind them in one
kernel, and adds up a chain of sums in another order, but only where nobody else wants what lies between
(``remapper.cc`` and ``arithmetic_optimizer.cc`` in tensorflow/core/grappler/optimizers). The last bits
of a training differ with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from nanwatch.watch.keras_seam import tensorflow_names
from nanwatch.watch.keras_seam.keras_types import Tensor
from nanwatch.watch.keras_seam.public_tensorflow import tf

# Ops that may be computed together with the one whose output they alone consume.
ABSORBING = frozenset(
    {
        *("Add", "AddN", "AddV2", "BiasAdd", "Div", "Maximum", "Mul", "RealDiv", "Square", "Sub"),
        *("Elu", "Erf", "Erfc", "Exp", "LeakyRelu", "Log", "Neg", "Relu", "Relu6", "Rsqrt", "Selu"),
        *("Sigmoid", "Softplus", "Sqrt", "Tanh"),
        *("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"),
    }
)


def is_materialised(tensor: Tensor) -> bool:
    """Whether ``tensor``, with the consumers that it has by now, is kept by every rewriting of its graph."""
    if tf.executing_eagerly() or is_source(tensor):
        return True
    consumers = tensor.consumers()
    return len(consumers) != 1 or consumers[0].type not in ABSORBING


def is_source(tensor: Tensor) -> bool:
    """Whether ``tensor`` is computed of no tensor: an argument, a constant, what is read of a variable."""
    inputs = tensor.op.inputs
    return not inputs or any(given.dtype == tf.resource for given in inputs)


def copies_of(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Each of ``tensors`` that is materialised; of the others the same, computed once more where this is
    called: all of a graph together, for each time that ops are copied the whole graph is gone through."""
    found = {id(tensor): tensor for tensor in tensors}
    apart = [tensor for tensor in found.values() if not is_materialised(tensor)]
    for graph in {id(tensor.graph): tensor.graph for tensor in apart}.values():
        here = [tensor for tensor in apart if tensor.graph is graph]
        names = [tensor.name for tensor in here]
        copies = tensorflow_names.import_ops(graph, names, sources_of(here))
        found |= {id(tensor): copy for tensor, copy in zip(here, copies, strict=True)}
    return [found[id(tensor)] for tensor in tensors]


def sources_of(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """What is materialised of that which ``tensors`` are computed of, by the names."""
    given: dict[str, Tensor] = {}
    ahead, met = list(tensors), set[str]()
    while ahead:
        for source in ahead.pop().op.inputs:
            if is_materialised(source):
                given[source.name] = source
            elif source.name not in met:
                met.add(source.name)
                ahead.append(source)
    return given
