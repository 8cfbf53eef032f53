"""Which tensors of a step lie in memory anyway: to read one of these changes nothing of the arithmetic.

TensorFlow's graph optimizer computes a matrix product, its bias and the activation behind them in one
kernel, and adds up a chain of sums in another order, but only where nobody else wants what lies between
(``remapper.cc`` and ``arithmetic_optimizer.cc`` in tensorflow/core/grappler/optimizers). The last bits
of a training differ with it.
"""

from __future__ import annotations

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


def copy_of(tensor: Tensor) -> Tensor:
    """``tensor`` if it is materialised; else the same, computed once more where this is called."""
    if is_materialised(tensor):
        return tensor
    given: dict[str, Tensor] = {}
    ahead = [tensor]
    while ahead:
        for source in ahead.pop().op.inputs:
            if is_materialised(source):
                given[source.name] = source
            else:
                ahead.append(source)
    copy: Tensor
    (copy,) = tensorflow_names.import_ops(tensor.graph, [tensor.name], given)
    return copy
