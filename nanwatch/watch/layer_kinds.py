"""What each kind of Keras layer makes of its input: the range that comes out, and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nanwatch.watch import ends
from nanwatch.watch.activations import FUNCTIONS, activation_of, function_name, library_class, softmax_axis
from nanwatch.watch.ends import End, Sizes

Look = Callable[[Any], End]

# Layers that give out the numbers they got, or means of them, in another shape or some of them as 0.
SHAPING = frozenset(
    (
        *("Reshape", "Flatten", "Permute", "RepeatVector", "Identity", "ActivityRegularization"),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"),
        *("GaussianNoise", "AlphaDropout", "Cropping1D", "Cropping2D", "Cropping3D", "CenterCrop"),
        *("UpSampling1D", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
        *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
        *("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D"),
    )
)
# Layers that give out some of the numbers they got, or 0, each by itself.
PICKING = frozenset(
    (
        *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
        *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
        *("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D"),
    )
)
SCALING = frozenset(
    (
        *("Rescaling", "Normalization", "BatchNormalization", "LayerNormalization"),
        *("GroupNormalization", "RMSNormalization"),
    )
)
# Layers with weights that end in a product, and have no activation.
WEIGHING = frozenset(("Embedding", "ReversibleEmbedding", "MultiHeadAttention", "GroupedQueryAttention"))
RECURRENT = frozenset(("RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"))
CELLS = frozenset(("LSTMCell", "GRUCell", "SimpleRNNCell", "ConvLSTMCell"))
ACTIVATIONS = frozenset(("Activation", "Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU"))
WRAPPERS = frozenset(("TimeDistributed", "SpectralNormalization"))


def of_layer(
    layer: Any, place: int, shape: Sizes, inputs: Sequence[Any], shapes: Sequence[Sizes], look: Look
) -> End | None:
    """The end of output number ``place`` of a layer; None where its class does not tell.

    ``look`` gives the end of an input, ``shapes`` are theirs and ``shape`` is the output's.
    """
    kind = library_class(layer)
    if kind in RECURRENT or kind == "Bidirectional":
        return recurrent(layer, kind, place)
    if kind in WEIGHING:
        return ends.headed(layer, layer, ends.UNKNOWN_NAME if place else "linear")
    if kind in WRAPPERS:
        return wrapped(layer, shape)
    if has_activation(layer, kind):
        return weighted(layer, layer, shape)
    if not inputs:
        return None
    if kind in ACTIVATIONS:
        return ends.activated(look(inputs[0]), activation_of(layer), layer, size_of(layer, shape))
    if kind == "Lambda" and function_name(layer.function) in FUNCTIONS:
        name, size = function_name(layer.function), ends.axis_size(shape, -1)
        return ends.activated(look(inputs[0]), name, layer, size if name == "softmax" else None)
    return passing(kind, shape, shapes, [look(one) for one in inputs])


def passing(kind: str, shape: Sizes, shapes: Sequence[Sizes], parts: Sequence[End]) -> End | None:
    """Through a layer without weights or activation."""
    if kind in SHAPING:
        return parts[0]
    if kind in PICKING:
        return ends.peaked(parts[0])
    if kind in SCALING:
        return ends.shifted(parts[0])
    if kind == "Concatenate":
        return ends.joined(parts, all(ends.width(one) == ends.width(shape) for one in shapes))
    return merged(kind, parts)


def merged(kind: str, parts: Sequence[End]) -> End | None:
    """Through a layer or an operation that makes one of several, element by element."""
    if kind in ("Add", "Subtract"):
        return ends.added(parts)
    if kind == "Multiply":
        return ends.multiplied(parts)
    if kind == "Average":
        return ends.averaged(parts)
    if kind in ("Maximum", "Minimum"):
        return ends.extreme(parts)
    return None


def has_activation(layer: Any, kind: str) -> bool:
    """Whether this is a library's layer with weights and an activation: Dense, the convolutions."""
    return hasattr(layer, "activation") and (kind in ("Dense", "EinsumDense") or "Conv" in kind)


def weighted(layer: Any, by: Any, shape: Sizes) -> End:
    return ends.headed(layer, by, activation_of(layer) or "linear", size_of(layer, shape))


def wrapped(layer: Any, shape: Sizes) -> End | None:
    """Through a wrapper: what the layer inside it gives out, at each time step."""
    inner, kind = layer.layer, library_class(layer.layer)
    if kind in WRAPPERS:
        return wrapped(inner, shape)
    return weighted(inner, inner, shape) if has_activation(inner, kind) else None


def size_of(layer: Any, shape: Sizes) -> int | None:
    """The size of the axis over which the layer's softmax runs; None without a softmax."""
    if activation_of(layer) != "softmax":
        return None
    given = layer if library_class(layer) == "Softmax" else layer.activation
    return ends.axis_size(shape, softmax_axis(given))


def recurrent(layer: Any, kind: str, place: int) -> End:
    """A recurrent layer's range is its activation's, as far as gates between 0 and 1 leave it so."""
    name = ends.UNKNOWN_NAME
    if not place:
        name = range_of(layer.forward_layer if kind == "Bidirectional" else layer)
    mode = layer.merge_mode if kind == "Bidirectional" else "concat"
    if mode in ("sum", "mul") and name != "linear":
        name = ends.UNKNOWN_NAME
    return ends.headed(layer, layer, name)


def range_of(layer: Any) -> str:
    cell: Any = getattr(layer, "cell", None)
    while library_class(cell) == "StackedRNNCells":
        cell = cell.cells[-1]
    name = activation_of(cell) if library_class(cell) in CELLS else None
    return ends.UNKNOWN_NAME if name is None or name in ends.SHARES else name
