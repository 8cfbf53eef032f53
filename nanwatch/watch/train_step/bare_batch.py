"""A batch that was held, as Keras's train function takes it."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.watch.keras_seam.keras_types import Structure
from nanwatch.watch.keras_seam.public_tensorflow import tf


def as_iterator(batch: Structure, spec: Structure) -> Iterator[Structure]:
    """An iterator over ``batch`` alone, whose elements are of the same ``spec`` as those of the iterator
    that it came from: the function is traced once for both. Another iterator where they cannot be.
    """
    specs = tf.nest.flatten(spec, expand_composites=True)

    def widen(*structure: Structure) -> Structure:
        leaves = tf.nest.flatten(structure, expand_composites=True)
        wide = [
            tf.compat.v1.placeholder_with_default(leaf, leaf_spec.shape)
            for leaf, leaf_spec in zip(leaves, specs, strict=True)
        ]
        return tf.nest.pack_sequence_as(spec, wide, expand_composites=True)

    try:
        found: Iterator[Structure] = iter(tf.data.Dataset.from_tensors(batch).map(widen))
    except (TypeError, ValueError):  # a part of the batch is nothing, where the data have an optional
        return iter([batch])
    return found
