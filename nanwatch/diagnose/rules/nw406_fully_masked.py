"""NW406: a sample with no valid step under a mean, or a softmax, over the steps."""

from __future__ import annotations

from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import numbered_words
from nanwatch.diagnose.diagnosis import Remedy
from nanwatch.diagnose.op_facts import SOFTMAX, location_of_op, where_words
from nanwatch.diagnose.op_rule import OpRule, broken_run
from nanwatch.record.facts import IncidentInfo, LayerInfo, ModelInfo, Operand, OpInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run


class FullyMasked(OpRule):
    """A sample is padding from end to end: the mean over its steps is 0/0, and the softmax over them is
    NaN.

    ## What it does
    Looks for a bad step in which the first bad op is the division 0/0 inside a pooling layer of a model
    that masks (`Embedding(mask_zero=True)` or `Masking`), or a softmax of rows in which every entry is
    -inf. It names the rows.

    ## Why is this bad
    `GlobalAveragePooling1D` divides by the number of valid steps, which is 0 for an empty sentence. The
    input is finite, often whole numbers, so looking for NaN in x shows nothing. A few samples among
    thousands are enough. The same happens when attention masks with -inf: softmax gives such an entry
    no weight, but in a row with no other entry it divides 0 by 0.

    ## Example
    ```python
    tokens = pad_sequences(texts)  # some texts are empty
    Embedding(1000, 8, mask_zero=True), GlobalAveragePooling1D()
    ```

    ## Use instead
    ```python
    keep = (tokens != 0).any(axis=1)
    model.fit(tokens[keep], y[keep])
    ```
    """

    code, name, pattern = "NW406", "fully-masked", "fully-masked"

    def message(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> str:
        if op.type == "Sub":
            layer = f" in layer {op.layer}" if op.layer else ""
            return (
                f"{op.type}{layer} took -inf from -inf, {where_words(op, incident)}, which is NaN: a mask of "
                "-inf that leaves nothing of a row, and a hand-written softmax that subtracts the largest."
            )
        if op.type in SOFTMAX:
            layer = f" in layer {op.layer}" if op.layer else ""
            return (
                f"{op.type}{layer} was given rows in which every entry is -inf, {where_words(op, incident)}: "
                "a mask of -inf that leaves nothing. A softmax of nothing is 0/0, NaN."
            )
        rows = f" ({numbered_words('row', op.rows)} of the batch)" if op.rows else ""
        return (
            f"The layer {op.layer} divides by the number of unmasked steps, which is 0 "
            f"{where_words(op, incident)}{rows}: such samples are all padding."
        )

    def remedies(self, op: OpInfo, incident: IncidentInfo, fit: Fit) -> tuple[Remedy, ...]:
        if op.type in (*SOFTMAX, "Sub"):
            return softmax_remedies(op, fit)
        return (
            Remedy(
                Intervention(InterventionKind.DROP_ROWS, "input", op.rows),
                "Drop the empty samples before the fit: keep = (x != 0).any(axis=1); "
                "model.fit(x[keep], y[keep]).",
                location=fit.input_line(),
            ),
            Remedy(
                Intervention(InterventionKind.KEEP_ONE_STEP, op.layer or ""),
                "Or give each empty sample one real step, such as an unknown-word token; or pool with "
                "GlobalMaxPooling1D, or an LSTM, which have no such division.",
                location=location_of_op(op, fit),
            ),
        )

    @staticmethod
    def fires() -> list[Run]:
        masking = LayerInfo("masking", "masking", "Masking")
        return [
            broken_run(masked_softmax()),
            broken_run(masked_difference(16)),
            broken_run(pooled_nothing(), of=sentences(True)),
            broken_run(pooled_nothing(), of=made_up.model(masking, pooling(), made_up.dense())),
        ]

    @staticmethod
    def silent() -> list[Run]:
        outside = OpInfo(
            "RealDiv", "forward", None, made_up.line(30), made_up.operands(numerator=0, denominator=0)
        )
        left = replace(masked_softmax(), inputs=(Operand("logits", 0.0, 1.0, size=16, num_neg_inf=12),))
        return [
            broken_run(left),
            broken_run(masked_difference(0)),
            broken_run(pooled_nothing(), of=sentences(False)),
            broken_run(outside, of=sentences(True)),
            broken_run(pooled_nothing(3), of=sentences(True)),
        ]


def softmax_remedies(op: OpInfo, fit: Fit) -> tuple[Remedy, ...]:
    return (
        Remedy(
            Intervention(InterventionKind.DROP_ROWS, "input", op.rows),
            "Drop the samples that are fully masked, or keep one entry in each.",
            location=fit.input_line(),
        ),
        Remedy(
            Intervention(InterventionKind.GUARD_ARGUMENT, op.type, -1e9),
            "Or mask with a large finite number instead of -inf: tf.where(keep, scores, -1e9); under float16 "
            "scores.dtype.min. A row that is fully masked then gets equal weights.",
            location=location_of_op(op, fit),
        ),
    )


def masked_softmax() -> OpInfo:
    logits = (Operand("logits", size=16, num_neg_inf=16),)
    return OpInfo(
        "Softmax", "forward", None, made_up.line(14), logits, "nan", num_bad=16, size=256, rows=(3, 7)
    )


def masked_difference(masked: int) -> OpInfo:
    """Scores less the largest of their row, of which so many are masked."""
    scores = Operand("input 0", size=16, num_neg_inf=16)
    largest = Operand("input 1", 0.0, 1.0, size=16, num_neg_inf=masked)
    return OpInfo("Sub", "forward", None, made_up.line(14), (scores, largest), "nan", num_bad=16, size=256)


def pooling() -> LayerInfo:
    line = made_up.line(6, "GlobalAveragePooling1D()")
    return LayerInfo("pool", "pool", "GlobalAveragePooling1D", location=line)


def sentences(masked: bool) -> ModelInfo:
    embedding = LayerInfo("embed", "embed", "Embedding", config={"mask_zero": masked})
    return made_up.model(
        embedding, pooling(), made_up.dense(activation="sigmoid"), loss="binary_crossentropy"
    )


def pooled_nothing(numerator: float = 0) -> OpInfo:
    inputs = made_up.operands(numerator=numerator, denominator=0)
    return OpInfo(
        "RealDiv", "forward", "pool", pooling().location, inputs, "nan", num_bad=8, size=256, rows=(3,)
    )
