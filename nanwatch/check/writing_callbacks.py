"""Which callbacks a check holds back: those that would write over what an earlier run has left."""

from __future__ import annotations

from nanwatch.check.budget import CheckBudget
from nanwatch.record.notes import WriterHeldBack
from nanwatch.watch.keras_seam.chosen import keras

# BackupAndRestore would begin in the middle, and remove the backup at the end.
WRITERS = ("BackupAndRestore", "CSVLogger", "OrbaxCheckpoint", "RemoteMonitor", "TensorBoard")
PLACES = ("backup_dir", "filename", "directory", "root", "log_dir")


def is_held_back(callback: object, short: CheckBudget) -> bool:
    """Whether ``callback`` is left out of the fit.

    A ModelCheckpoint stays: it saves through the model, and what the model saves is sent
    elsewhere. It saves at the end of the cut epoch, for a script that loads it after the fit.
    """
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        if callback.save_freq != "epoch" and "{batch" not in str(callback.filepath):
            callback.save_freq = "epoch"
        return False
    for name in WRITERS:
        kind = getattr(keras.callbacks, name, None)
        if kind is not None and isinstance(callback, kind):
            place = next((str(getattr(callback, key)) for key in PLACES if getattr(callback, key, None)), "")
            short.hold_back(WriterHeldBack(name, place))
            return True
    return False
