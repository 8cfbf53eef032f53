"""NW206: the loss is not made for these labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Finding, Level, Remedy
from nanwatch.diagnose.heads import Head, heads
from nanwatch.diagnose.loss_line import ShapeClash, is_for_sparse, loss_remedy, shape_clash
from nanwatch.diagnose.patch import constant_argument, set_argument
from nanwatch.diagnose.readings import BINARY, CATEGORICAL, REGRESSIONS, SPARSE, label_width
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import Location, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

ONE_FOR_MANY = (
    "ValueError: Arguments `target` and `output` must have the same shape. Received: "
    "target.shape=(None, 1), output.shape=(None, 5)"
)
HOT_FOR_SPARSE = (
    "ValueError: Argument `output` must have rank (ndim) `target.ndim - 1`. Received: "
    "target.shape=(None, 5), output.shape=(None, 5)"
)
RANKS_DIFFER = (
    "ValueError: Arguments `target` and `output` must have the same rank (ndim). Received: "
    "target.shape=(None,), output.shape=(None, 10)"
)
SPARSE_IN_TENSORFLOW = (
    "ValueError: `labels.shape.rank` must equal `logits.shape.rank - 1`. Received: labels.shape=(64, 5) of "
    "rank 2 and logits.shape=(64, 5) of rank 2"
)


@dataclass(frozen=True)
class Mismatch:
    """How loss and labels differ, in words, and the loss that would fit."""

    text: str
    better: str
    level: Level = "error"
    strength: float = 0.95


class LossTargetMismatch(Rule):
    """The loss expects labels of another form.

    ## What it does
    Compares loss, labels and output: whole-number labels under categorical or binary cross-entropy with
    several units, one-hot labels under sparse categorical cross-entropy, a regression loss between
    class numbers and a softmax. A binary cross-entropy on a softmax with one-hot classes is a note: it
    trains, but its accuracy counts units.

    ## Why is this bad
    If the shapes differ, Keras stops with a ValueError; or one class number is compared with every
    unit, and the model learns this number instead of the class.

    ## Example
    ```python
    model.compile(loss="categorical_crossentropy")  # y is 0, 1, 2, ...
    ```

    ## Use instead
    ```python
    model.compile(loss="sparse_categorical_crossentropy")
    # or: y = keras.utils.to_categorical(y)
    ```
    """

    code, name = "NW206", "loss-target-mismatch"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if fit.info.data.labels or shape_clash(fit.info.error):
            return None
        return "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        clash = shape_clash(fit.info.error)
        if clash and not fit.model.outputs:
            yield from self.find_unseen_clash(fit, clash)
        for head in heads(fit):
            mismatch = clash_mismatch(head, clash) if clash else data_mismatch(head)
            if mismatch is None or (clash is None and is_seen_by_its_ops(head)):
                continue
            yield self.finding(
                fit,
                mismatch.text,
                *evidence(head, clash),
                location=fit.model.compile_location,
                layer=head.path,
                remedies=(loss_remedy(fit, head, mismatch.better),),
                level=mismatch.level,
                strength=mismatch.strength,
                explains={"crash", "large-loss", "poor-accuracy", "growth"} | STUCK,
            )

    def find_unseen_clash(self, fit: Fit, clash: ShapeClash) -> Iterator[Finding]:
        """Keras stopped before an output was seen: its sentence alone tells which way round."""
        mismatch = unseen_mismatch(clash, fit.info.error or "")
        if mismatch is not None:
            yield self.build_unseen_finding(fit, clash, mismatch, fit.model.compile_location)

    def diagnose_script(self, run: Run) -> Iterator[Finding]:
        """A loop of the script's own died in its loss: no model of it is known."""
        raised = run.info.raised
        clash = shape_clash(raised.message, in_fit=False) if raised is not None else None
        if raised is None or clash is None:
            return
        mismatch = unseen_mismatch(clash, raised.message)
        if mismatch is not None:
            yield self.build_unseen_finding(None, clash, mismatch, raised.location)

    def build_unseen_finding(
        self, fit: Fit | None, clash: ShapeClash, mismatch: Mismatch, at: Location | None
    ) -> Finding:
        return self.finding(
            fit,
            mismatch.text,
            f"Keras stopped at {clash.words}.",
            location=at,
            remedies=(unseen_remedy(at, mismatch.better, compiled=fit is not None),),
            strength=mismatch.strength,
            explains={"crash"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            classes_run(CATEGORICAL, 5),
            classes_run(BINARY, 5),
            one_hot_run(SPARSE, 5),
            classes_run("mean_squared_error", 5),
            one_hot_run(BINARY, 5),
            stopped_run(CATEGORICAL, ONE_FOR_MANY),
            stopped_run(SPARSE, HOT_FOR_SPARSE),
            stopped_run(CATEGORICAL, ONE_FOR_MANY, unseen=True),
            stopped_run(CATEGORICAL, RANKS_DIFFER, unseen=True),
            stopped_run(SPARSE, HOT_FOR_SPARSE, unseen=True),
            stopped_run(SPARSE, SPARSE_IN_TENSORFLOW, unseen=True),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            classes_run(SPARSE, 5),
            classes_run(BINARY, 1, activation="sigmoid"),
            one_hot_run(CATEGORICAL, 5),
            one_hot_run(CATEGORICAL, 5, activation="sigmoid"),
            one_hot_run(BINARY, 5, activation="sigmoid"),
            one_hot_run(BINARY, 2),
            one_hot_run("mean_squared_error", 5),
            classes_run("mean_squared_error", 1, activation="linear"),
            classes_run(CATEGORICAL, 5, given=""),
            stopped_run(CATEGORICAL, "ValueError: Input 0 of layer dense is incompatible"),
            stopped_run(
                CATEGORICAL, "ValueError: target.shape=(None, 3), output.shape=(None, 5)", unseen=True
            ),
            stopped_run(CATEGORICAL, "ValueError: target.shape=(32, 5), output.shape=(32, 4, 5)"),
            stopped_run(SPARSE, "ValueError: `target.ndim - 1` target.shape=(5,), output.shape=(5, 4, 5)"),
        ]


def is_seen_by_its_ops(head: Head) -> bool:
    """A loss that nobody gave to Keras: what a step of the script's own has compared the output with, a
    teacher's answers or labels that it made one-hot, are not the labels of the data."""
    return head.output.loss is not None and not head.output.loss.given


def data_mismatch(head: Head) -> Mismatch | None:
    """What the labels themselves say."""
    label, units = head.label, head.units or 0
    if label is None or units < 2:
        return None
    if label_width(label) == 1 and label.integral and len(label.shape) <= 2:
        return class_numbers(head, units)
    if not label.one_hot or label_width(label) != units:
        return None
    if head.loss == SPARSE and len(label.shape) == len(head.output.shape or label.shape):
        return Mismatch(
            f"{SPARSE} wants class numbers, but the labels are one-hot rows of {units}.", CATEGORICAL
        )
    if head.loss == BINARY and head.activation == "softmax" and units > 2:
        text = (
            f"{BINARY} over a softmax of {units} one-hot classes counts each unit as a separate question: "
            f'it trains, but metrics=["accuracy"] is then the share of right units, not of right rows.'
        )
        return Mismatch(text, CATEGORICAL, "note", 0.3)
    return None


def class_numbers(head: Head, units: int) -> Mismatch | None:
    """Labels that are one whole number a row, against several units."""
    if len(head.output.shape or (None, units)) != 2:
        return None  # a prediction for each time step or pixel has other shapes
    if head.loss in (CATEGORICAL, BINARY):
        rows = f"one-hot rows of {units}" if head.loss == CATEGORICAL else f"{units} zeros and ones a row"
        return Mismatch(f"{head.loss} wants {rows}, but the labels are single class numbers.", SPARSE)
    if head.loss in REGRESSIONS and head.activation == "softmax":
        text = (
            f"{head.loss} compares each class number with all {units} probabilities of the softmax: "
            "the model learns the number, not the class."
        )
        return Mismatch(text, SPARSE, strength=0.9)
    return None


def clash_mismatch(head: Head, clash: ShapeClash) -> Mismatch | None:
    """What Keras's exception says, where it fits this output."""
    units = clash.output[-1] if clash.output else None
    if units is None or units < 2 or (head.units or units) != units:
        return None
    if head.loss in (CATEGORICAL, BINARY) and are_class_numbers(clash):
        return columns_mismatch(head.loss, units)
    return numbers_mismatch(units) if head.loss == SPARSE and are_rows_of(clash, units) else None


def unseen_mismatch(clash: ShapeClash, error: str) -> Mismatch | None:
    units = clash.output[-1] if clash.output else None
    if units is None or units < 2:
        return None
    if is_for_sparse(error):
        return numbers_mismatch(units) if are_rows_of(clash, units) else None
    return columns_mismatch("The loss", units) if are_class_numbers(clash) else None


def are_class_numbers(clash: ShapeClash) -> bool:
    return len(clash.output) == 2 and (len(clash.target) == 1 or clash.target[-1] == 1)


def are_rows_of(clash: ShapeClash, units: int) -> bool:
    return len(clash.target) == len(clash.output) and clash.target[-1] == units


def columns_mismatch(loss: str, units: int) -> Mismatch:
    text = f"{loss} wants labels of {units} columns (one-hot rows), but they are single class numbers."
    return Mismatch(text, SPARSE, strength=1.0)


def numbers_mismatch(units: int) -> Mismatch:
    text = f"{SPARSE} wants class numbers, but the labels have {units} columns, as one-hot rows do."
    return Mismatch(text, CATEGORICAL, strength=1.0)


def unseen_remedy(at: Location | None, better: str, compiled: bool) -> Remedy:
    """As `loss_remedy`, where the loss itself is known only by what it is not."""
    given = {SPARSE: (CATEGORICAL, BINARY), CATEGORICAL: (SPARSE,)}[better]
    line = None
    if at is not None and constant_argument(at.code, "compile", "loss", 1) in given:
        line = set_argument(at.code, "compile", "loss", f'"{better}"', 1)
    return Remedy(
        Intervention(InterventionKind.SET_LOSS, "0", better),
        f'Compile with loss="{better}".' if compiled else f"Compute keras.losses.{better} in its place.",
        line,
        at,
    )


def evidence(head: Head, clash: ShapeClash | None) -> Iterator[str]:
    if clash is not None:
        yield f"Keras stopped at {clash.words}."
    if head.label is not None and head.label.example:
        yield f"The labels begin {', '.join(f'{value:g}' for value in head.label.example[:8])}."


def classes_run(loss: str, units: int, activation: str = "softmax", given: str = "a string") -> Run:
    head = made_up.dense(units=units, activation=activation)
    of = made_up.model(head, output_facts={"loss_info": LossInfo(loss, given)})
    return made_up.run(of, targets=[made_up.labels(0, 1, 2, 3, 4, shape=(None, 1))])


def one_hot_run(loss: str, units: int, activation: str = "softmax") -> Run:
    head = made_up.dense(units=units, activation=activation)
    hot = made_up.tensor("label", "output", shape=(None, units), integral=True, one_hot=True)
    return made_up.run(made_up.model(head, loss=loss), targets=[hot])


def stopped_run(loss: str, error: str, unseen: bool = False) -> Run:
    head = made_up.dense(units=5, activation="softmax")
    of = made_up.model(head, loss=loss)
    if unseen:
        of = replace(of, outputs=())
    return made_up.run(of, loss=[], fit={"error": error, "status": "crashed", "steps": 0})
