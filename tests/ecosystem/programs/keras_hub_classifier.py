"""A BERT classifier of KerasHub, small and from a config. needs: keras-hub."""

import sys

import keras
import keras_hub
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
tokens = rng.integers(1, 40, (128, 12))
y = (tokens[:, 0] > 20).astype("int64")
if "sick" in sys.argv:
    y[y == 1] = 2
x = {
    "token_ids": tokens,
    "segment_ids": np.zeros_like(tokens),
    "padding_mask": np.ones_like(tokens),
}
backbone = keras_hub.models.BertBackbone(
    vocabulary_size=40,
    num_layers=1,
    num_heads=2,
    hidden_dim=16,
    intermediate_dim=32,
    max_sequence_length=12,
)
model = keras_hub.models.BertTextClassifier(
    backbone=backbone, num_classes=2, preprocessor=None
)  # NW210 NW107
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(x, y, epochs=4, batch_size=16, verbose=0)  # NW210 NW107
