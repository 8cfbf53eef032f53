"""NW107: labels that are not among the classes 0 .. units-1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import are_rows_to_come, data_arrays, output_of, went_nonfinite
from nanwatch.diagnose.data_words import count_words, list_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.label_classes import Misfit, misfit_in_error, misfit_of
from nanwatch.diagnose.readings import incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_LOSS
from nanwatch.record.backends import other_backend
from nanwatch.record.facts import DataInfo, Location, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

CRASH = (
    "InvalidArgumentError: Received a label value of 5 which is outside the valid range of [0, 5).  "
    "Label values: 1 2 5 3"
)


class LabelOutOfRange(Rule):
    """A class label is negative, or not smaller than the number of output units.

    ## What it does
    Compares the labels with the units of the output under sparse categorical cross-entropy. Typical
    cases are classes that count from 1, a void value such as 255, and -1 for "no class". A class named
    by `ignore_class` is left out. Both symptoms are known: the exception on a CPU, and the NaN under
    XLA and on a GPU.

    ## Why is this bad
    Unit number 5 of 5 does not exist. On a CPU, TensorFlow stops with InvalidArgumentError. Under XLA
    or on a GPU the loss of such a row is NaN, and so is everything after the next update. On JAX its loss
    is 0: the row teaches nothing, and nothing says so.

    ## Example
    ```python
    model.add(Dense(5, activation="softmax"))  # y is 1 .. 5
    model.compile(loss="sparse_categorical_crossentropy")
    ```

    ## Use instead
    ```python
    model.fit(x, y - 1)
    ```
    """

    code, name = "NW107", "label-out-of-range"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if misfit_in_error(fit.info.error):
            return None
        return None if any(data_arrays(fit, run, "labels")) else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        stopped = misfit_in_error(fit.info.error)
        found = [misfit for misfit, _ in self.misfits(fit, run)]
        if stopped is None and not found:
            return
        harmed = stopped is not None or went_nonfinite(fit, run) or fit.info.status == "crashed"
        harmed = harmed or (bool(found) and are_rows_to_come(fit))
        misfit = found[0] if found else stopped
        assert misfit is not None
        message = misfit_words(misfit)
        if not harmed and teach_nothing(fit, run, misfit):
            yield self.finding(
                fit,
                f"{message} Keras on JAX gives such rows a loss of 0: they teach nothing.",
                *self.evidence(fit, run, stopped),
                location=fit.info.location,
                level="warning",
                remedies=tuple(remedies(misfit, fit.model.compile_location, fit.info.data.whole)),
                strength=0.5,
                certain=True,
            )
            return
        if not harmed:
            message += " The loss stayed finite: such rows are masked, or were not reached."
            yield self.finding(
                fit, message, location=fit.info.location, part="contributing", level="note", strength=0.2
            )
            return
        yield self.finding(
            fit,
            message,
            *self.evidence(fit, run, stopped),
            location=fit.info.location,
            remedies=tuple(remedies(misfit, fit.model.compile_location, fit.info.data.whole and bool(found))),
            strength=self.strength(fit, run, misfit, stopped),
            explains={"crash"} | NONFINITE_LOSS,
            certain=True,
        )

    def diagnose_script(self, run: Run) -> Iterator[Finding]:
        """A loop of the script's own stopped there before its first update."""
        raised = run.info.raised
        stopped = misfit_in_error(raised.message) if raised is not None else None
        if raised is None or stopped is None:
            return
        yield self.finding(
            None,
            misfit_words(stopped),
            f"TensorFlow says: {raised.message}",
            location=raised.location,
            remedies=tuple(remedies(stopped, None, whole=False)),
            strength=1.0,
            explains={"crash"},
        )

    def misfits(self, fit: Fit, run: Run) -> Iterator[tuple[Misfit, bool]]:
        """Each output's labels outside, and whether the guilty batch has them."""
        for array in data_arrays(fit, run, "labels"):
            output = output_of(fit, array.path)
            if output is None:
                continue
            in_batch = misfit_of(array.batch, output) if array.batch else None
            misfit = misfit_of(array.whole, output) if array.whole else None
            if misfit or in_batch:
                yield misfit or in_batch, in_batch is not None  # type: ignore[misc]

    def strength(self, fit: Fit, run: Run, misfit: Misfit, stopped: Misfit | None) -> float:
        incident = incident_of(fit, run)
        if misfit.units == 1 or misfit.more_classes:
            return 0.6  # the layer rather than the labels: too few units
        if incident and incident.batch.labels and stopped is None:
            return 1.0 if any(guilty for _, guilty in self.misfits(fit, run)) else 0.3
        return 1.0 if stopped else 0.9

    def evidence(self, fit: Fit, run: Run, stopped: Misfit | None) -> Iterator[str]:
        if stopped is not None:
            yield f"TensorFlow stopped at label {stopped.values[0]}: outside [0, {stopped.units})"
        incident = incident_of(fit, run)
        if incident and any(guilty for _, guilty in self.misfits(fit, run)):
            yield f"the batch of step {incident.step}, where the training broke, holds such a label"
        for array in data_arrays(fit, run, "labels"):
            if array.widest.classes and array.widest.classes_complete:
                yield f"labels seen: {list_words(list(array.widest.classes))}"

    @staticmethod
    def fires() -> list[Run]:
        batch = DataInfo(labels=(made_up.labels(0, 1, 255),))
        return [
            classes_run(1, 2, 3, 4, 5, units=5, error=CRASH),
            classes_run(1, 2, 3, 4, 5, units=5, nan=True),
            classes_run(0, 1, 255, units=2, nan=True),
            classes_run(-1, 0, 1, units=2, nan=True),
            classes_run(0, 1, 255, units=2, ignore=7, nan=True),
            made_up.run(
                classes_run(0, 1, units=2).fits[0].model,
                loss=[0.7, float("nan")],
                incident={"batch": batch},
            ),
            classes_run(0, 1, 255, units=2),
            classes_run(0, 1, 2, units=2, batch_size=149),
            on_jax(classes_run(1, 2, units=2)),
        ]

    @staticmethod
    def silent() -> list[Run]:
        wide = made_up.labels(0, 1, max=255.0, classes={}, classes_complete=False)
        ignoring = classes_run(0, 1, units=2, ignore=255).fits[0].model
        return [
            classes_run(0, 1, 2, 3, 4, units=5, nan=True),
            classes_run(0, 1, 255, units=2, ignore=255, nan=True),
            on_jax(classes_run(0, 1, units=2)),
            made_up.run(ignoring, targets=[wide], loss=[float("nan")]),
            classes_run(0, 1, units=2, error="ValueError: Shapes (32, 5) and (32, 1) are incompatible"),
            made_up.run(
                made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy"),
                targets=[made_up.labels(-1, 1)],
                loss=[float("nan")],
            ),
        ]


def teach_nothing(fit: Fit, run: Run, misfit: Misfit) -> bool:
    """Whether JAX's loss, a product with rows of zeros, passes over them; a marker may well be meant so."""
    weighted = bool(fit.info.data.sample_weights)
    return other_backend(run.info) == "JAX" and misfit.marker is None and not weighted


def misfit_words(misfit: Misfit) -> str:
    last = misfit.units - 1
    if misfit.values:
        how_many = f" in {count_words(misfit.rows, 'label')}" if misfit.rows else ""
        what = f"The target holds {list_words(misfit.values)}{how_many}"
    else:
        what = f"The target runs from {misfit.low:g} to {misfit.high:g}"
    units = count_words(misfit.units, "unit")
    ends = "class 0 alone" if last == 0 else f"only the classes 0 to {last}"
    return f"{what}, but an output of {units} has {ends}."


def remedies(misfit: Misfit, at: Location | None, whole: bool) -> Iterator[Remedy]:
    """``whole``: the labels of ``misfit`` are all that there are."""
    marker = misfit.marker
    if misfit.one_based:
        yield Remedy(
            Intervention(InterventionKind.SHIFT_LABELS, "y", -1),
            f"Count the classes from 0: y = y - 1 (now 1 to {misfit.units}).",
        )
    elif misfit.minus_one_and_one:
        yield Remedy(
            Intervention(InterventionKind.MAP_LABELS, "y", (-1, 1)),
            "Map -1 and 1 to 0 and 1: y = (y + 1) // 2.",
        )
    elif marker is not None:
        yield Remedy(
            Intervention(InterventionKind.SET_IGNORE_CLASS, "loss", marker),
            f"If {marker} marks places without a class, leave them out of the loss: "
            f"keras.losses.SparseCategoricalCrossentropy(ignore_class={marker}).",
            location=at,
        )
        yield Remedy(
            Intervention(InterventionKind.DROP_LABELS, "y", marker),
            f"Or drop the rows labelled {marker} before the fit.",
        )
    elif misfit.more_classes:
        yield Remedy(
            Intervention(InterventionKind.SET_UNITS, "output", misfit.more_classes),
            f"Give the output {misfit.more_classes} units: the labels count from 0 to {misfit.high:g}."
            if whole
            else f"Give the output at least {misfit.more_classes} units, one for each class: the labels "
            f"that were seen count from 0 to {misfit.high:g}.",
        )
    else:
        text = "Map the labels to 0, 1, 2, ...: classes, y = np.unique(y, return_inverse=True); "
        yield Remedy(
            Intervention(InterventionKind.MAP_LABELS, "y"), text + "the output needs len(classes) units."
        )


def on_jax(run: Run) -> Run:
    return replace(run, info=replace(run.info, versions={"jax": "0.10.2"}))


def classes_run(
    *classes: float,
    units: int,
    ignore: int | None = None,
    error: str | None = None,
    nan: bool = False,
    batch_size: int | None = None,
) -> Run:
    """Labels of these classes under sparse categorical cross-entropy on this many units."""
    loss = LossInfo("sparse_categorical_crossentropy", from_logits=False, ignore_class=ignore)
    head = made_up.dense(units=units, activation="softmax")
    return made_up.run(
        made_up.model(head, output_facts={"loss_info": loss}),
        targets=[made_up.labels(*classes)],
        loss=[float("nan")] if nan else [1.6, 1.5],
        fit={"error": error, "status": "crashed" if error else "finished", "batch_size": batch_size},
    )
