"""What the input meets first in a model, and in what state the layers ended."""

from __future__ import annotations

from nanwatch.record.facts import LayerInfo
from nanwatch.record.run import Fit

# Layers that hand their input on with its scale.
SCALE_KEEPING = frozenset(
    {"InputLayer", "Sequential", "Functional", "Model", "Pipeline", "Masking", "Concatenate"}
    | {"Reshape", "Flatten", "Permute", "RepeatVector", "Resizing", "CenterCrop", "RandomCrop"}
    | {"RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast"}
    | {"RandomBrightness", "GaussianNoise", "Dropout", "SpatialDropout1D", "SpatialDropout2D"}
    | {"ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D"}
    | {"MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"}
)
# Layers after which the scale of the input no longer matters.
SCALE_MENDING = frozenset(
    {"Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "GroupNormalization"}
    | {"UnitNormalization", "RMSNormalization", "Embedding", "IntegerLookup", "StringLookup"}
    | {"Hashing", "CategoryEncoding", "Discretization", "TextVectorization"}
)
# mean of a*a for tanh (a*(1-a) for sigmoid) so near its end that the slope is below 0.05.
SATURATED_TANH = 0.95
SATURATED_SIGMOID = 0.0125  # a quarter of that slope's bound: sigmoid's steepest slope is 0.25


def scale_is_mended(fit: Fit) -> bool:
    """The model normalises its input itself, or looks it up in a table."""
    for layer in fit.model.layers:
        if layer.type in SCALE_MENDING:
            return True
        if layer.type not in SCALE_KEEPING:
            return False
    return False


def has_embedding(fit: Fit) -> bool:
    return any(layer.type == "Embedding" for layer in fit.model.layers)


def first_layer_with_weights(fit: Fit) -> LayerInfo | None:
    return next((layer for layer in fit.model.layers if layer.weights), None)


def head_paths(fit: Fit) -> set[str | None]:
    return {output.head for output in fit.model.outputs} | {
        output.activation_layer for output in fit.model.outputs
    }


def layer_dead_at_end(fit: Fit) -> LayerInfo | None:
    """The first hidden layer whose last recorded output was zero in every element."""
    for layer in fit.model.layers:
        if layer.path in head_paths(fit):
            continue
        zero, size = last_health(fit, layer.path, "num_zero"), last_health(fit, layer.path, "size")
        if size and zero is not None and zero >= size:
            return layer
    return None


def is_saturated_at(fit: Fit, layer: LayerInfo, at: int) -> bool:
    """The layer's output lay at the ends of its range, at the first (0) or last (-1) look."""
    look = {
        stat: values[at]
        for stat in ("size", "mean", "l2_norm")
        if (values := [value for _, value in fit.health.values("activation", layer.path, stat)])
    }
    if len(look) < 3 or not look["size"]:
        return False
    mean_square = look["l2_norm"] ** 2 / look["size"]
    if layer.activation == "tanh":
        return mean_square > SATURATED_TANH
    return layer.activation == "sigmoid" and look["mean"] - mean_square < SATURATED_SIGMOID


def last_health(fit: Fit, path: str, stat: str) -> float | None:
    values = fit.health.recent_values("activation", path, stat, last=1)
    return values[0] if values else None
