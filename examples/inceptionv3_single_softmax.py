"""Pictures in two classes, InceptionV3 with its upper blocks thawed, batches of five.

The pictures are made up and InceptionV3 starts from random weights, so that nothing is
downloaded.
"""

import keras
import numpy as np
from keras.applications.inception_v3 import InceptionV3
from keras.layers import Dense, GlobalAveragePooling2D
from keras.models import Model

keras.utils.set_random_seed(0)

SIZE = 75  # the smallest that InceptionV3 takes


class Pictures(keras.utils.PyDataset):
    """Vertical stripes are class 0, horizontal ones class 1; five pictures a batch."""

    def __init__(self, batches, seed, batch_size=5):
        super().__init__()
        self.batches = batches
        self.batch_size = batch_size
        self.seed = seed

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        random = np.random.default_rng((self.seed, index))
        labels = random.integers(0, 2, self.batch_size)
        waves = np.sin(np.arange(SIZE) * 0.8 + random.uniform(0, 6, (self.batch_size, 1)))
        pictures = np.where(labels[:, None, None], waves[:, :, None], waves[:, None, :])
        pictures = pictures[..., None] * random.uniform(0.2, 0.5, (self.batch_size, 1, 1, 3)) + 0.5
        return pictures.astype("float32"), labels.astype("float32")


training_set = Pictures(batches=20, seed=1)
test_set = Pictures(batches=6, seed=2)

# create the base model
base_model = InceptionV3(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))

# add a global spatial average pooling layer
x = base_model.output
x = GlobalAveragePooling2D()(x)
# add fully-connected layers
x = Dense(1024, activation="relu")(x)
x = Dense(512, activation="relu")(x)
x = Dense(32, activation="relu")(x)
# and a logistic layer -- we have 2 classes
predictions = Dense(1, activation="softmax")(x)  # NW202

# this is the model we will train
model = Model(inputs=base_model.input, outputs=predictions)

# we train the top 2 inception blocks: freeze the first 249 layers and unfreeze the rest
for layer in model.layers[:249]:
    layer.trainable = False
for layer in model.layers[249:]:
    layer.trainable = True

model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(training_set, epochs=2, validation_data=test_set, verbose=2)
