"""NW210: the output has another number of units than the labels ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Level, Remedy
from nanwatch.diagnose.heads import Head, heads
from nanwatch.diagnose.learned import has_proved_itself
from nanwatch.diagnose.loss_line import ShapeClash, shape_clash, shape_words
from nanwatch.diagnose.own_losses import is_spread
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.readings import (
    BINARY,
    CATEGORICAL,
    REGRESSIONS,
    SPARSE,
    class_shares,
    incident_of,
    label_width,
)
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import NONFINITE_LOSS, STUCK
from nanwatch.record.facts import LayerInfo, Location, ModelInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

SHAPES_DIFFER = (
    "ValueError: Arguments `target` and `output` must have the same shape. Received: "
    "target.shape=(None, 3), output.shape=(None, 5)"
)
UNFLATTENED = (
    "ValueError: Arguments `target` and `output` must have the same rank (ndim). Received: "
    "target.shape=(32, 5), output.shape=(32, 4, 5)"
)
IN_THE_GRAPH = (
    "ValueError: Dimensions must be equal, but are 3 and 5 for '{{node compile_loss/mse/sub}} = "
    "Sub[T=DT_FLOAT](data_1, sequential_1/dense_1/BiasAdd)' with input shapes: [32,3], [32,5]."
)


class UnitCountMismatch(Rule):
    """The output layer has a different number of units than there are classes or target columns.

    ## What it does
    Compares the units of the output with the columns of the labels, or with the number of classes if
    the labels are class numbers. An output that answers at each of several places, because a Flatten is
    missing, has too many values for one label per row. More units than classes are no fault: a class
    may be missing in the data.

    ## Why is this bad
    A class without its own unit stops TensorFlow on a CPU and gives NaN elsewhere. Columns that do not
    match stop Keras with a ValueError. And a single target column is compared with every unit, so all
    units learn the same thing.

    ## Example
    ```python
    Dense(5, activation="softmax")  # ten classes
    ```

    ## Use instead
    ```python
    Dense(10, activation="softmax")
    ```
    """

    code, name = "NW210", "unit-count-mismatch"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if fit.info.data.labels or shape_clash(fit.info.error):
            return None
        return "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        clash = shape_clash(fit.info.error)
        if clash is not None and is_unflattened(clash):
            yield self.build_unflattened_finding(fit, clash, last_unit_layer(fit.model, clash))
            return
        if clash is not None and not fit.model.outputs:
            yield from self.find_unseen_clash(fit, clash)
        for head in heads(fit):
            wanted = wanted_units(fit, head)
            if wanted is None:
                continue
            stopped = fit.info.error is not None or incident_of(fit, run) is not None
            spread_out = wanted == 1
            level: Level = "warning" if spread_out and not stopped else "error"
            yield self.finding(
                fit,
                f"{head.words} has {units_words(head.units)}, but the labels ask for {wanted}.",
                *evidence(fit, head, wanted),
                location=head.location,
                layer=head.path,
                remedies=(remedy(head, wanted),),
                level=level,
                strength=0.5 if spread_out else 0.9,
                explains={"crash", "poor-accuracy"} | STUCK | NONFINITE_LOSS,
                certain=fit.info.kind == "fit" and not has_proved_itself(fit),  # a loop may pick a unit
            )

    def find_unseen_clash(self, fit: Fit, clash: ShapeClash) -> Iterator[Finding]:
        """Keras stopped before an output was seen; its sentence has both sizes."""
        units = clash.output[-1] if clash.output else None
        wanted = clash.target[-1] if len(clash.target) == len(clash.output) else None
        if units is None or wanted is None or wanted < 2 or wanted == units:
            return
        layer = last_unit_layer(fit.model, clash)
        what = f"{layer.type} {layer.name!r}" if layer else "The output"
        yield self.finding(
            fit,
            f"{what} has {units_words(units)}, but the labels ask for {wanted}.",
            f"Keras stopped at {clash.words}.",
            location=layer.location if layer else fit.info.location,
            layer=layer.path if layer else None,
            remedies=(remedy_for(layer, what, wanted),),
            strength=0.9,
            explains={"crash"},
        )

    def diagnose_script(self, run: Run) -> Iterator[Finding]:
        """A loop of the script's own died in its loss."""
        raised = run.info.raised
        clash = shape_clash(raised.message, in_fit=False) if raised is not None else None
        if raised is None or clash is None:
            return
        if is_unflattened(clash):
            yield self.build_unflattened_finding(None, clash, None, raised.location)
        elif len(clash.target) == len(clash.output) and differ(clash.target[-1], clash.output[-1]):
            yield self.finding(
                None,
                f"The output has {units_words(clash.output[-1])}, but the labels ask for {clash.target[-1]}.",
                f"Keras stopped at {clash.words}.",
                location=raised.location,
                remedies=(remedy_for(None, "the output", clash.target[-1] or 1),),
                strength=0.9,
                explains={"crash"},
            )

    def build_unflattened_finding(
        self, fit: Fit | None, clash: ShapeClash, layer: LayerInfo | None, at: Location | None = None
    ) -> Finding:
        """The head is applied at every position of a picture or a series, and the labels are one for all."""
        what = f"{layer.type} {layer.name!r}" if layer else "The output"
        where = (layer.location if layer else None) or at or (fit.info.location if fit else None)
        text = (
            f"Bring the axes together in front of {what if layer else 'the output'}: Flatten(), "
            "GlobalAveragePooling, or a recurrent layer without return_sequences."
        )
        return self.finding(
            fit,
            f"{what} gives {shape_words(clash.output)}, an answer at each of several places, but the labels "
            f"have one for a row: {shape_words(clash.target)}.",
            f"Keras stopped at {clash.words}.",
            location=where,
            layer=layer.path if layer else None,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.MEND_OUTPUT, layer.path if layer else "output"),
                    text,
                    location=where,
                ),
            ),
            strength=0.9,
            explains={"crash"},
        )

    @staticmethod
    def fires() -> list[Run]:
        ten = [made_up.labels(*range(10))]
        softmax = made_up.dense(units=9, activation="softmax")
        three = made_up.dense(units=5, activation="softmax")
        regression = made_up.model(made_up.dense(units=3))
        return [
            made_up.run(made_up.model(softmax, loss=SPARSE), targets=ten),
            made_up.run(
                made_up.model(three, loss=CATEGORICAL), fit={"error": SHAPES_DIFFER, "status": "crashed"}
            ),
            made_up.run(
                replace(made_up.model(three, loss=CATEGORICAL), outputs=()),
                loss=[],
                fit={"error": SHAPES_DIFFER, "status": "crashed"},
            ),
            made_up.run(regression, targets=[made_up.tensor("label", "output", shape=(None, 1))]),
            made_up.run(
                made_up.model(three, loss=CATEGORICAL), fit={"error": UNFLATTENED, "status": "crashed"}
            ),
            made_up.run(
                made_up.model(three), loss=[], fit={"error": IN_THE_GRAPH, "status": "crashed", "steps": 0}
            ),
        ]

    @staticmethod
    def silent() -> list[Run]:
        ten = [made_up.labels(*range(10))]
        softmax = made_up.dense(units=10, activation="softmax")
        wider = made_up.dense(units=1000, activation="softmax")
        one_based = made_up.labels(*range(1, 11))
        single = made_up.tensor("label", "output", shape=(None,))
        return [
            made_up.run(made_up.model(softmax, loss=SPARSE), targets=ten),
            made_up.run(made_up.model(wider, loss=SPARSE), targets=ten),
            made_up.run(made_up.model(softmax, loss=SPARSE), targets=[one_based]),
            made_up.run(made_up.model(made_up.dense()), targets=[single]),
        ]


def wanted_units(fit: Fit, head: Head) -> int | None:
    """The units that the labels ask for, where the output has another number and it matters."""
    units = head.units
    if units is None:
        return None
    clash = shape_clash(fit.info.error)
    if clash is not None and head.loss != SPARSE:
        columns = clash.target[-1] if len(clash.target) == len(clash.output) else None
        return columns if columns is not None and columns > 1 and columns != units else None
    if head.label is None:
        return None
    shares = class_shares(head.label)
    if head.loss == SPARSE:
        counted = sorted(float(name) for name in shares)
        return len(counted) if counted == list(range(len(counted))) and len(counted) > units else None
    if head.loss in REGRESSIONS and units > 1 and head.activation != "softmax":
        flat = len(head.label.shape) <= 2 and len(head.output.shape or (None, units)) == 2
        return 1 if flat and label_width(head.label) == 1 and are_compared(fit, head) else None
    return None


def are_compared(fit: Fit, head: Head) -> bool:
    """Whether the labels are compared with all units: a step of the script's own may pick one, or some."""
    if fit.info.kind == "fit" and not fit.model.custom_train_step:
        return True
    called = [call for call in fit.info.loss_calls if call.layer in (head.path, head.output.head)]
    return any(map(is_spread, called))


def is_unflattened(clash: ShapeClash) -> bool:
    return len(clash.output) > 2 and len(clash.target) < len(clash.output)


def differ(wanted: int | None, units: int | None) -> bool:
    return wanted is not None and units is not None and 1 < wanted != units


def last_unit_layer(model: ModelInfo, clash: ShapeClash) -> LayerInfo | None:
    units = clash.output[-1] if clash.output else None
    return next((one for one in reversed(model.layers) if one.units is not None and one.units == units), None)


def evidence(fit: Fit, head: Head, wanted: int) -> Iterator[str]:
    clash = shape_clash(fit.info.error)
    if clash is not None:
        yield f"Keras stopped at {clash.words}."
    elif head.loss == SPARSE:
        yield f"The labels hold {wanted} classes, 0 to {wanted - 1}."
    else:
        yield f"The target has one column: all {head.units} units are compared with the same number."


def remedy(head: Head, wanted: int) -> Remedy:
    found = remedy_for(head.layer, head.words, wanted)
    if head.loss == BINARY and wanted == 2:
        other = " Or keep one unit with sigmoid, and give labels of one column."
        return replace(found, text=found.text + other)
    return found


def remedy_for(layer: LayerInfo | None, what: str, wanted: int) -> Remedy:
    text = f"Give {what} {units_words(wanted)}."
    at = layer.location if layer else None
    line = None
    if layer is not None and at is not None:
        keyword = "filters" if layer.type.startswith("Conv") else "units"
        line = set_argument(at.code, layer.type, keyword, str(wanted), 0)
    return Remedy(
        Intervention(InterventionKind.SET_UNITS, layer.path if layer else "output", wanted), text, line, at
    )


def units_words(units: int | None) -> str:
    return f"{units} unit{'' if units == 1 else 's'}"
