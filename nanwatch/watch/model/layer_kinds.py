"""What each kind of Keras layer makes of its input: the range that comes out, and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from nanwatch.watch.keras_seam.keras_types import Layer
from nanwatch.watch.model import output_head
from nanwatch.watch.model.activations import (
    FUNCTIONS,
    activation_of,
    function_name,
    library_class,
    softmax_axis,
)
from nanwatch.watch.model.output_head import OutputHead, Sizes

T = TypeVar("T")  # a tensor, of a model's graph or of the traced one

# Layers that give out the numbers they got, or means of them, in another shape or some of them as 0.
SHAPING = frozenset(
    (
        *("Reshape", "Flatten", "Permute", "RepeatVector", "Identity", "ActivityRegularization"),
        *("GaussianNoise", "Cropping1D", "Cropping2D", "Cropping3D", "CenterCrop", "UpSampling1D"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
        *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
        *("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D"),
    )
)
# Layers that give out the numbers they got, in training some of them as 0 or as others.
DROPPING = frozenset(
    (
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout"),
        "AlphaDropout",
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


def head_of_layer(
    layer: Any,
    place: int,
    shape: Sizes,
    inputs: Sequence[T],
    shapes: Sequence[Sizes],
    look: Callable[[T], OutputHead],
) -> OutputHead | None:
    """The end of output number ``place`` of a layer; None where its class does not tell.

    ``look`` gives the end of an input, ``shapes`` are theirs and ``shape`` is the output's.
    """
    kind = library_class(layer)
    if kind in RECURRENT or kind == "Bidirectional":
        return head_of_recurrent(layer, kind, place)
    if kind in WEIGHING:
        return output_head.start_head(layer, layer, output_head.UNKNOWN_NAME if place else "linear")
    if kind in WRAPPERS:
        return head_of_wrapper(layer, shape)
    if has_activation(layer, kind):
        return head_of_weights(layer, layer, shape)
    if not inputs:
        return None
    if kind in ACTIVATIONS:
        return output_head.apply_activation(
            look(inputs[0]), activation_of(layer), layer, size_of(layer, shape)
        )
    if kind == "Lambda" and function_name(layer.function) in FUNCTIONS:
        name, size = function_name(layer.function), output_head.axis_size(shape, -1)
        return output_head.apply_activation(look(inputs[0]), name, layer, size if name == "softmax" else None)
    if kind in DROPPING:
        return output_head.drop_some(look(inputs[0]), layer)
    return pass_through(kind, shape, shapes, [look(one) for one in inputs])


def pass_through(
    kind: str, shape: Sizes, shapes: Sequence[Sizes], parts: Sequence[OutputHead]
) -> OutputHead | None:
    """Through a layer without weights or activation."""
    if kind in SHAPING:
        return parts[0]
    if kind in PICKING:
        return output_head.take_extreme(parts[0])
    if kind in SCALING:
        return output_head.shift_range(parts[0])
    if kind == "Concatenate":
        return output_head.join_heads(
            parts, all(output_head.row_width(one) == output_head.row_width(shape) for one in shapes)
        )
    return merge_heads(kind, parts)


def merge_heads(kind: str, parts: Sequence[OutputHead]) -> OutputHead | None:
    """Through a layer or an operation that makes one of several, element by element."""
    if kind in ("Add", "Subtract"):
        return output_head.add_heads(parts)
    if kind == "Multiply":
        return output_head.multiply_heads(parts)
    if kind == "Average":
        return output_head.average_heads(parts)
    if kind in ("Maximum", "Minimum"):
        return output_head.pick_elementwise(parts)
    return None


def has_activation(layer: Layer, kind: str) -> bool:
    """Whether this is a library's layer with weights and an activation: Dense, the convolutions."""
    return hasattr(layer, "activation") and (kind in ("Dense", "EinsumDense") or "Conv" in kind)


def head_of_weights(layer: Layer, by: Layer, shape: Sizes) -> OutputHead:
    return output_head.start_head(layer, by, activation_of(layer) or "linear", size_of(layer, shape))


def head_of_wrapper(layer: Any, shape: Sizes) -> OutputHead | None:
    """Through a wrapper: what the layer inside it gives out, at each time step."""
    inner, kind = layer.layer, library_class(layer.layer)
    if kind in WRAPPERS:
        return head_of_wrapper(inner, shape)
    return head_of_weights(inner, inner, shape) if has_activation(inner, kind) else None


def size_of(layer: Any, shape: Sizes) -> int | None:
    """The size of the axis over which the layer's softmax runs; None without a softmax."""
    if activation_of(layer) != "softmax":
        return None
    given = layer if library_class(layer) == "Softmax" else layer.activation
    return output_head.axis_size(shape, softmax_axis(given))


def head_of_recurrent(layer: Any, kind: str, place: int) -> OutputHead:
    """A recurrent layer's range is its activation's, as far as gates between 0 and 1 leave it so."""
    name = output_head.UNKNOWN_NAME
    if not place:
        name = range_of(layer.forward_layer if kind == "Bidirectional" else layer)
    mode = layer.merge_mode if kind == "Bidirectional" else "concat"
    if mode in ("sum", "mul") and name != "linear":
        name = output_head.UNKNOWN_NAME
    return output_head.start_head(layer, layer, name)


def range_of(layer: Layer) -> str:
    cell: Any = getattr(layer, "cell", None)
    while library_class(cell) == "StackedRNNCells":
        cell = cell.cells[-1]
    name = activation_of(cell) if library_class(cell) in CELLS else None
    return output_head.UNKNOWN_NAME if name is None or name in output_head.SHARES else name
