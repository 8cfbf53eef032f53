"""What Keras logged at the end of each epoch, as rows of a table."""

from __future__ import annotations

from nanwatch.explain.figures import short
from nanwatch.record.run import Fit

FIRST, LAST = 3, 10  # the epochs that are shown of a long training


def epoch_rows(fit: Fit | None) -> tuple[list[str], list[list[str]]]:
    """The names of the logs, and a row for each epoch: its number, then a cell for each name.

    Of a long training the middle is left out: a row of ellipses stands for it.
    """
    logs = [] if fit is None else fit.epoch_logs()
    names = list(dict.fromkeys(name for entry in logs for name in entry))
    names.sort(key=lambda name: not (name.endswith("loss") or "acc" in name))
    rows = []
    for number, entry in enumerate(logs):
        if FIRST <= number < len(logs) - LAST:
            if number == FIRST:
                rows.append(["…"] * (len(names) + 1))
            continue
        values = [entry.get(name) for name in names]
        cells = ["" if value is None else short(value) for value in values]
        rows.append([str(number + 1), *cells])
    return names, rows
