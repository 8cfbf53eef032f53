"""What the two posts beside this had and did not show: pictures, and a callback. Nothing is downloaded.

`make_folders` writes small pictures where the first post reads them, `chest_pictures` gives those of the
second. The seed is set here, so that each run is the same.
"""

import pathlib

import keras
import numpy as np

keras.utils.set_random_seed(18)


def make_folders(train, test):
    """Stripes across are class 1, along are class 0: ``train`` gets 20 pictures of each, ``test`` 5."""
    from PIL import Image

    random = np.random.default_rng(1)
    for folder, count in ((train, 20), (test, 5)):
        for number in range(2 * count):
            name = ("along", "across")[number % 2]
            waves = np.sin(np.arange(64) * 0.8 + random.uniform(0, 6))
            grey = waves[:, None] if number % 2 else waves[None, :]
            picture = 128 + 80 * grey * np.ones((64, 64)) + random.normal(0, 8, (64, 64))
            path = pathlib.Path(folder, name, f"{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.clip(picture, 0, 255).astype("uint8")).convert("RGB").save(path)


def chest_pictures(count, size):
    """Two dark lungs each; those of class 1 have three bright patches. (pictures, classes)"""
    labels = np.arange(count) % 2
    rows, columns = np.mgrid[0:size, 0:size]
    lungs = 90 + 60 * np.cos(2 * np.pi * columns / size)
    pictures = np.empty((count, size, size, 3), dtype="float32")
    for picture, label in zip(pictures, labels):
        grey = lungs * np.random.uniform(0.7, 1.3) + np.random.normal(0, 12, (size, size))
        for _ in range(3 * label):
            y, x = np.random.uniform(size / 6, size - size / 6, 2)
            width = size * np.random.uniform(0.12, 0.2)
            distance = (rows - y) ** 2 + (columns - x) ** 2
            grey += np.random.uniform(80, 140) * np.exp(-distance / (2 * width**2))
        picture[:] = np.clip(grey, 0, 255)[..., None]
    return pictures, labels


class MetricsCheckpoint(keras.callbacks.Callback):
    """Keeps what each epoch logged."""

    def __init__(self, savepath):
        super().__init__()
        self.savepath = savepath
        self.history = {}

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
