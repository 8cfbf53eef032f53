"""NW108: binary cross-entropy on labels outside [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import DataArray, data_arrays, output_of
from nanwatch.diagnose.data_words import capitalise_first, list_words, number
from nanwatch.diagnose.diagnosis import Finding, Level, Remedy
from nanwatch.diagnose.patch import set_activation, set_argument
from nanwatch.diagnose.places import line_in_words
from nanwatch.diagnose.readings import finite_losses, last_loss
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo, LossInfo, OutputInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
# Soft labels computed in float16 miss 1 by up to 5e-4.
TOLERANCE = 1e-3
# Below zero by more than rounding, label smoothing included: a loss on labels in [0, 1] is never.
BELOW_ZERO = -1e-3
BYTE = 255.0
# Labels of a discriminator are given noise on purpose: 5 % in Keras's guide, 0.7 to 1.2 in what is handed
# on about GANs. As long as the loss stays above zero, such labels do what soft ones do.
NOISE = 0.25
# A mask's classes are counted on the fingers; more whole values at each place of a picture are its shades.
MASK_CLASSES = 10


class LabelOutsideLossDomain(Rule):
    """Binary cross-entropy gets labels outside [0, 1].

    ## What it does
    Looks for labels below 0 or above 1 (-1/1, or classes 0, 1, 2, ...) under binary cross-entropy, and
    for a loss that falls below zero. Labels a little outside, for example with the noise that is added
    to the labels of a discriminator, are no fault as long as the loss stays above zero.

    ## Why is this bad
    `-(y log p + (1 - y) log(1 - p))` has a lower bound only for y in [0, 1]. For y = -1 or 2 it falls
    without end as the prediction goes to 0 or 1. The loss looks better with every epoch, and the net
    only learns to be extreme.

    ## Example
    ```python
    y = np.where(x[:, 0] > 0, 1, -1)
    model.compile(loss="binary_crossentropy")
    ```

    ## Use instead
    ```python
    model.fit(x, (y + 1) / 2)
    # classes 0, 1, 2: Dense(3, activation="softmax") and loss="sparse_categorical_crossentropy"
    ```
    """

    code, name = "NW108", "label-outside-loss-domain"

    def missing(self, fit: Fit, run: Run) -> str | None:
        return None if any(data_arrays(fit, run, "labels")) else "the targets were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for array in data_arrays(fit, run, "labels"):
            output = output_of(fit, array.path)
            outside = summary_outside_unit_interval(array)
            if output is None or output.loss is None or output.loss.name not in BINARY or outside is None:
                continue
            if some_rows_weigh_nothing(fit, run) and min(finite_losses(fit), default=0.0) >= BELOW_ZERO:
                continue
            noise = is_noise(outside)
            if noise and not last_loss(fit) < BELOW_ZERO:
                continue
            level: Level = "warning" if noise else "error"
            inputs = [each.widest for each in data_arrays(fit, run, "inputs")]
            yield self.build_finding(fit, output, array.called, outside, level, inputs)

    def build_finding(
        self,
        fit: Fit,
        output: OutputInfo,
        called: str,
        labels: TensorSummary,
        level: Level,
        inputs: Sequence[TensorSummary],
    ) -> Finding:
        losses = finite_losses(fit)
        negative = min(losses, default=0.0)
        seen_negative = negative < BELOW_ZERO
        message = (
            f"{capitalise_first(called)} runs from {number(labels.min)} to {number(labels.max)}, "
            "but binary cross-entropy is made for labels in [0, 1]"
        )
        if seen_negative:
            message += f": the loss went below zero, to {number(negative)}, and has no lower bound"
        evidence = []
        if labels.classes and labels.classes_complete:
            evidence.append(f"labels seen: {list_words(list(labels.classes))}")
        if seen_negative:
            first = next(step for step, loss in fit.losses() if loss < BELOW_ZERO)
            evidence.append(f"the loss is {number(losses[0])} at first and below zero from step {first} on")
        head = fit.layer(output.activation_layer or output.head)
        copied = is_copied(labels, inputs)
        many = labels.integral and (copied or is_quantity(labels, output, inputs))
        classes = 0 if many else number_of_classes(labels)
        if copied:
            evidence.append(
                "the target has the width and the range of the input: the model restores its input"
            )
        # Two labels can be numbered anew; of several classes it is the head that is wrong, of a quantity the
        # loss.
        at = fit.info.location if labels.integral else fit.model.compile_location
        if classes:
            at = (head.location if head is not None else None) or fit.model.compile_location
        return self.finding(
            fit,
            message + ".",
            *evidence,
            location=at,
            layer=head.path if head is not None and classes else None,
            remedies=(head_remedy(fit, head, classes, labels),)
            if classes
            else (scale_remedy(labels, copied),)
            if many
            else tuple(remedies(labels)),
            level=level,
            strength=1.0 if seen_negative else 0.9,
            explains={"negative-loss", "poor-accuracy", "saturated", "growth"} | STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        falling = [0.94, -0.66, -11.5]
        return [
            binary_run(made_up.labels(-1, 1), falling),
            binary_run(made_up.labels(0, 1, 2), [0.4, -3.1, -24.0]),
            binary_run(made_up.labels(0, 1, 2), [0.4, 0.3]),
            binary_run(made_up.labels(0, 255), falling),
            binary_run(made_up.labels(-1, 0, 1), falling, weight=0.0),
            binary_run(made_up.labels(-1, 0, 1), [0.7, 0.5], weight=0.1),
            binary_run(made_up.tensor("label", min=0.0, max=1.26), [0.7, 0.6]),
            binary_run(made_up.tensor("label", min=-0.26, max=1.0), [0.7, 0.6]),
            binary_run(made_up.tensor("label", min=0.0, max=1.05), [0.7] + [-0.002] * 9),
        ]

    @staticmethod
    def silent() -> list[Run]:
        head = made_up.dense(activation="tanh")
        hinge = made_up.model(head, loss="hinge")
        own = made_up.model(head, output_facts={"loss_info": LossInfo("custom")})
        return [
            binary_run(made_up.labels(0, 1), [0.7, 0.5]),
            binary_run(made_up.tensor("label", min=0.0, max=1.0005), [0.7, -0.6]),
            binary_run(made_up.tensor("label", min=-0.0005, max=1.0), [0.7, -0.6]),
            binary_run(made_up.tensor("label", min=0.0, max=1.24), [0.7] + [-0.0009] * 9),
            binary_run(made_up.tensor("label", min=-0.24, max=1.0), [0.7, -0.1, 0.6]),
            binary_run(made_up.labels(-1, 0, 1), [0.7, 0.5], weight=0.0),
            made_up.run(hinge, targets=[made_up.labels(-1, 1)]),
            made_up.run(own, targets=[made_up.labels(0, 1, 2)], loss=[0.4, -3.0]),
        ]


def some_rows_weigh_nothing(fit: Fit, run: Run) -> bool:
    """A sample weight of 0 takes a label such as -1, for "not known", out of the loss."""
    return any(array.widest.num_zero for array in data_arrays(fit, run, "sample_weights"))


def summary_outside_unit_interval(array: DataArray) -> TensorSummary | None:
    """The summary that shows labels outside, the wider one first."""
    for labels in (array.whole, array.batch):
        if labels is not None and (labels.min < -TOLERANCE or labels.max > 1.0 + TOLERANCE):
            return labels
    return None


def is_noise(labels: TensorSummary) -> bool:
    """Fractions that lie a little outside: what is added to labels of 0 and 1, or is as good as that."""
    return not labels.integral and labels.min >= -NOISE and labels.max <= 1.0 + NOISE


def number_of_classes(labels: TensorSummary) -> int:
    """How many classes the labels are, where they count three and more from 0 or from 1; else 0."""
    if not labels.integral or not labels.classes_complete:
        return 0
    found = sorted(float(value) for value in labels.classes)
    counted = len(found) > 2 and found[0] in (0.0, 1.0)
    return len(found) if counted and found == [found[0] + place for place in range(len(found))] else 0


def is_copied(labels: TensorSummary, inputs: Sequence[TensorSummary]) -> bool:
    """Whether the target is one of the inputs, by all that is known of both."""
    known = (places_a_row(labels), labels.min, labels.max)
    return any((places_a_row(each), each.min, each.max) == known for each in inputs) and known[0] > 1


def is_quantity(labels: TensorSummary, output: OutputInfo, inputs: Sequence[TensorSummary]) -> bool:
    """Whether each row has many numbers that no class is: a unit for each, or more shades than classes."""
    places = places_a_row(labels)
    if places <= 1:
        return False
    if len(labels.shape) == 2 and output.units == places:  # a softmax would choose one of the places
        return True
    pictures = any(places_a_row(each) == places for each in inputs)
    return pictures and len(labels.classes) > MASK_CLASSES


def places_a_row(tensor: TensorSummary) -> int:
    """How many numbers a row has."""
    return math.prod(side or 1 for side in tensor.shape[1:])


def head_remedy(fit: Fit, head: LayerInfo | None, classes: int, labels: TensorSummary) -> Remedy:
    at, line = head.location if head is not None else None, None
    if head is not None and at is not None:
        changed = set_activation(at.code, head.type, "softmax", head.activation, head.units)
        keyword = "filters" if head.type.startswith("Conv") else "units"
        line = set_argument(changed, head.type, keyword, str(classes), 0) if changed else None
    made = f"Dense({classes}, " if head is None or head.type == "Dense" else f"{head.type}({classes}, ..., "
    compiled = fit.model.compile_location
    where = f" in {line_in_words(compiled)}" if compiled is not None else ""
    text = (
        f"For {classes} classes end the model in {made}activation='softmax'), and compile it with "
        f"loss='sparse_categorical_crossentropy'{where}"
    )
    text += ", with labels counted from 0." if labels.min > 0 else "."
    return Remedy(Intervention(InterventionKind.SET_HEAD, labels.path, classes), text, line, at)


def scale_remedy(labels: TensorSummary, copied: bool) -> Remedy:
    """For many numbers a row that are no classes."""
    low, high = labels.min, labels.max
    if low < 0.0:
        text = f"Bring the target into [0, 1]: y = (y - {number(low)}) / {number(high - low)}."
        return Remedy(Intervention(InterventionKind.RESCALE_TARGET, labels.path, (low, high)), text)
    text = f"Divide the target by {number(high)}: y = y / {number(high)}."
    if copied:
        text = f"Divide what is both input and target by {number(high)}: x = x / {number(high)}."
    return Remedy(Intervention(InterventionKind.SCALE_TARGET, labels.path, 1.0 / high), text)


def remedies(labels: TensorSummary) -> Iterator[Remedy]:
    found = labels.classes if labels.classes_complete and labels.integral else {}
    classes = sorted(float(value) for value in found)
    if classes == [-1.0, 1.0]:
        yield Remedy(
            Intervention(InterventionKind.MAP_LABELS, labels.path, (-1, 1)),
            "Map -1 and 1 to 0 and 1: y = (y + 1) / 2.",
        )
    elif len(classes) == 2:
        text = f"Map the two labels to 0 and 1: y = (y == {number(classes[1])}).astype('float32')."
        yield Remedy(Intervention(InterventionKind.MAP_LABELS, labels.path, tuple(classes)), text)
    elif classes:
        text = (
            f"For {len(classes)} classes end the model in Dense({len(classes)}, activation='softmax') under "
            "loss='sparse_categorical_crossentropy', with labels counted from 0."
        )
        yield Remedy(Intervention(InterventionKind.SET_HEAD, labels.path, len(classes)), text)
    if labels.min >= 0.0 and labels.max == BYTE:
        text = "If the target is a picture, divide it by 255: y = y / 255.0."
        yield Remedy(Intervention(InterventionKind.SCALE_TARGET, labels.path, 1.0 / BYTE), text)
    if not classes:
        text = (
            "Bring y into [0, 1], or, if it is a quantity and not a probability, use a linear head and mse."
        )
        yield Remedy(
            Intervention(InterventionKind.RESCALE_TARGET, labels.path, (labels.min, labels.max)), text
        )


def binary_run(labels: TensorSummary, losses: list[float], weight: float | None = None) -> Run:
    """A sigmoid head on these labels; with ``weight`` as the least of the sample weights."""
    of = made_up.model(made_up.dense(activation="sigmoid"), loss="binary_crossentropy")
    zeros = 200 if weight == 0.0 else 0
    given = [] if weight is None else [made_up.tensor("sample_weight", min=weight, max=1.0, num_zero=zeros)]
    return made_up.run(of, targets=[labels], loss=losses, sample_weights=given)
