"""NW109: labels of shape (N,) against predictions of shape (N, 1)."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up, own_losses
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_line import shape_words
from nanwatch.diagnose.places import line_in_words
from nanwatch.diagnose.readings import spread_looks
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import BroadcastInfo, FitInfo, LossCall, LossInfo, Shape, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# A regression that has learned spreads its predictions like the labels; one that compares every
# prediction with every label is drawn to their mean. A fit that explains 5 % of the variance
# spreads by 0.22 of the labels' deviation.
COLLAPSED = 0.2
LOOKS = 3  # the last ones


class TargetShapeMismatch(Rule):
    """Labels of shape (N,) are compared with predictions of shape (N, 1): each label with every
    prediction.

    ## What it does
    Looks in your own training step for an op in which labels of shape (N,) and predictions of shape (N,
    1) meet, so that the result has shape (N, N); or a column of labels and a row of predictions.
    Keras's own losses bring both to one shape. A difference that you write by hand does not, and a
    result of shape (N, N) that is then given to a loss stays (N, N).

    ## Why is this bad
    Each prediction is compared with the labels of all rows. The best answer to all labels at once is
    their mean: the loss falls to the variance of the labels, every row gets nearly the same answer, and
    no error is raised.

    ## Example
    ```python
    loss = tf.reduce_mean(tf.square(model(x) - y))  # model(x): (32, 1), y: (32,)
    ```

    ## Use instead
    ```python
    loss = tf.reduce_mean(tf.square(model(x) - y[:, None]))
    ```
    """

    code, name = "NW109", "target-shape-mismatch"

    def missing(self, fit: Fit, run: Run) -> str | None:
        own = fit.model.custom_train_step or fit.info.kind == "tape"
        if not own or fit.info.broadcasts is not None or not shapes_differ(fit):
            return None
        return "the shapes that labels and predictions have inside the loss were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        met = next((op for op in fit.info.broadcasts or () if is_crossed(op)), None)
        if met is None:
            yield from self.find_in_losses(fit)
            return
        collapse = collapse_words(fit, met)
        flat = len(met.label_shape) == 1
        text = (
            "Bring the labels to the predictions' shape first: y = tf.reshape(y, tf.shape(prediction)), "
            f"or y[:, {'None' if flat else '0'}]."
        )
        yield self.finding(
            fit,
            f"{met.type} takes predictions of shape {shape_words(met.output_shape)} and labels of shape "
            f"{shape_words(met.label_shape)} and gives {shape_words(met.shape)}: every prediction is "
            "compared with the label of every row.",
            *collapse,
            location=met.location or fit.model.location or fit.info.location,
            remedies=(
                Remedy(
                    Intervention(InterventionKind.RESHAPE_LABELS, met.label, (-1, 1) if flat else (-1,)),
                    text,
                    location=met.location,
                ),
            ),
            level="error" if collapse else "warning",
            strength=0.95 if collapse else 0.6,
            explains=STUCK,
            certain=fit.info.cut_short,  # the labels may be meant to meet every prediction
        )

    def find_in_losses(self, fit: Fit) -> Iterator[Finding]:
        """One of Keras's losses was given what had met before, an axis of rows on each side."""
        for call in fit.info.loss_calls:
            if not own_losses.is_crossed(call):
                continue
            wide = "target" if len(call.label_shape) == 2 else "prediction"
            text = (
                f"Bring what the {wide} is made of to one shape first: of (N,) and (N, 1) NumPy and "
                "TensorFlow make (N, N). Rewards, say, as tf.reshape(rewards, (-1,))."
            )
            change = Intervention(InterventionKind.RESHAPE_LABELS, wide, (-1,))
            yield self.finding(
                fit,
                f"{call.loss.name} is given targets of shape {shape_words(call.label_shape)} and predictions "
                f"of shape {shape_words(call.output_shape)}: every prediction is compared with the target of "
                "every row.",
                *([f"it is called in {line_in_words(call.location)}"] if call.location is not None else []),
                location=call.location or fit.model.location or fit.info.location,
                remedies=(Remedy(change, text, location=call.location),),
                level="warning",
                strength=0.9,
                explains=STUCK,
                certain=True,
            )
            return

    @staticmethod
    def fires() -> list[Run]:
        return [
            loss_run((32, 32), (32,)),
            loss_run((None, None), (None,)),
            loss_run((32,), (32, 32)),
            step_run(SUB, spread=0.19),
            step_run(SUB, spread=0.9),
            step_run(SUB, spread=None),
            step_run(BUS, spread=0.19),
        ]

    @staticmethod
    def silent() -> list[Run]:
        straight = BroadcastInfo("Sub", "0", (None, 1), "0", (None, 1), (None, 1))
        weighted = BroadcastInfo("Mul", "0", (None,), "0", (None, 8), (None, 8))
        return [
            step_run(straight, spread=0.1),
            step_run(weighted, spread=0.1),
            step_run(None, spread=0.1),
            loss_run((32, 1), (32,)),
            loss_run((32,), (32,)),
            loss_run((32, 32), (32, 32)),
            loss_run((32,), (32, 1)),
            loss_run((), (32,)),
            loss_run((None,), (None, 3)),
            loss_run((None,), (None, None), "sparse_categorical_crossentropy"),
            made_up.run(),
        ]


SUB = BroadcastInfo("Sub", "0", (None,), "0", (None, 1), (None, None), made_up.line(21, "loss = ..."))
BUS = BroadcastInfo("Sub", "0", (32, 1), "0", (32,), (32, 32), made_up.line(21, "loss = ..."))


def is_crossed(op: BroadcastInfo) -> bool:
    """(N,) against (N, 1), or the other way round, which gives (N, N)."""
    flat, column = sorted((op.label_shape, op.output_shape), key=len)
    return len(flat) == 1 and is_column(column) and len(op.shape) == 2 and op.shape[1] != 1


def loss_run(label: Shape, output: Shape, loss: str = "huber") -> Run:
    """A loop that calls this loss with these shapes."""
    call = LossCall(LossInfo(loss), label, output, location=made_up.line(76, "loss = huber(target, q)"))
    return made_up.run(fit={"kind": "tape", "loss_calls": (call,)})


def shapes_differ(fit: Fit) -> bool:
    """The labels have one axis and an output has a second one of size 1, or the other way round."""
    labels = [label.shape for label in fit.info.data.labels]
    outputs = [output.shape or () for output in fit.model.outputs]
    return any(
        any(len(shape) == 1 for shape in some) and any(map(is_column, others))
        for some, others in ((labels, outputs), (outputs, labels))
    )


def is_column(shape: Shape) -> bool:
    return len(shape) == 2 and shape[1] == 1


def collapse_words(fit: Fit, met: BroadcastInfo) -> list[str]:
    """The predictions' spread against the labels', in words; nothing where it is not small."""
    label = labels_of(fit.info, met.label)
    looks = spread_looks(fit, met.output)[-LOOKS:]
    if label is None or len(looks) < LOOKS or label.std <= 0:
        return []
    spread = max(value for _, value, _ in looks)
    if spread >= COLLAPSED * label.std:
        return []
    return [
        f"over the rows of a batch the predictions spread by {number(spread)}, the labels by "
        f"{number(label.std)} around {number(label.mean)}"
    ]


def labels_of(info: FitInfo, key: str) -> TensorSummary | None:
    labels = info.data.labels
    return next((label for label in labels if label.path == key or len(labels) == 1), None)


def step_run(op: BroadcastInfo | None, spread: float | None) -> Run:
    """A train_step of the script's own; the predictions spread by ``spread`` of the labels'."""
    looks = 4
    health = {}
    if spread is not None:
        health = {
            ("output", "0", "row_std"): [spread * 2.0] * looks,
            ("output", "0", "size"): [32.0] * looks,
            ("output", "0", "min"): [2.0] * looks,
            ("output", "0", "max"): [4.0] * looks,
        }
    return made_up.run(
        made_up.model(custom_train_step=True),
        targets=[made_up.tensor("label", mean=3.0, std=2.0, min=-3.0, max=9.0)],
        health=health,
        fit={"broadcasts": () if op is None else (op,)},
    )
