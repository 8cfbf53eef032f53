"""NW313: padding that a recurrent layer reads as if it were text."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import data_arrays
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo, ModelInfo, TensorSummary
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

RECURRENT = frozenset({"LSTM", "GRU", "SimpleRNN", "Bidirectional", "RNN"})
# Of all tokens: what a network has to carry its memory across. Texts of one length have none.
PADDED = 0.3


class PaddingNotMasked(Rule):
    """Most of each sequence is padding, and the recurrent layer processes it like real input.

    ## What it does
    Looks for an `Embedding` without `mask_zero` before a recurrent layer, and for inputs in which at
    least three tokens in ten are 0. It is reported only if a training without skill learns when the
    padding is masked.

    ## Why is this bad
    With the padding at the end, the last state is what remains of the text after dozens of steps
    without input. An LSTM forgets a part at each of them, and the gradient shrinks in the same way on
    its way back.

    ## Example
    ```python
    Embedding(vocabulary, 32)  # before LSTM(32), on pad_sequences(..., padding="post")
    ```

    ## Use instead
    ```python
    Embedding(vocabulary, 32, mask_zero=True)  # or pad_sequences(...), which pads in front
    ```
    """

    code, name = "NW313", "padding-not-masked"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        return iter(())

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        types = [layer.type for layer in fit.model.layers]
        embedding = next((layer for layer in fit.model.layers if is_unmasked(layer)), None)
        share = max((zeros.num_zero / zeros.size for zeros in tokens(fit, run) if zeros.size), default=0.0)
        if embedding is None or share < PADDED or not RECURRENT.intersection(types):
            return
        yield self.finding(
            fit,
            f"Of all tokens {share:.0%} are 0, and {embedding.type} {embedding.name!r} passes them on like "
            f"all others, through the recurrent layer: {skill_words(fit)}.",
            location=embedding.location,
            layer=embedding.path,
            remedies=(remedy(embedding),),
            strength=0.55,
            explains=STUCK | {"vanishing-gradient"},
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [padded_run(0.9), padded_run(0.31), padded_run(0.9, recurrent="Bidirectional")]

    @staticmethod
    def silent() -> list[Run]:
        return [
            padded_run(0.29),
            padded_run(0.9, masked=True),
            padded_run(0.9, recurrent="GlobalAveragePooling1D"),
            padded_run(0.9, proven=False),
            padded_run(0.9, ended=0.2),
        ]


def tokens(fit: Fit, run: Run) -> list[TensorSummary]:
    return [array.widest for array in data_arrays(fit, run, "inputs") if array.widest.integral]


def is_unmasked(layer: LayerInfo) -> bool:
    return layer.type == "Embedding" and layer.config.get("mask_zero") is False


def remedy(layer: LayerInfo) -> Remedy:
    at = layer.location
    line = None if at is None else set_argument(at.code, layer.type, "mask_zero", "True")
    change = Intervention(InterventionKind.SET_MASK_ZERO, layer.path, True)
    return Remedy(change, f"Mask the padding: {layer.type}(..., mask_zero=True).", line, at)


def padded_run(
    zeros: float,
    recurrent: str = "LSTM",
    masked: bool = False,
    ended: float = 0.69,
    proven: bool = True,
) -> Run:
    """Tokens of which this share is 0; masking was tried, and cured where it is ``proven``."""
    embedding = LayerInfo(
        "embedding",
        "embedding",
        "Embedding",
        config={"mask_zero": masked},
        weights=("embedding/embeddings",),
        location=made_up.line(5, "Embedding(60, 16)"),
    )
    of: ModelInfo = made_up.model(
        embedding,
        LayerInfo("layer", "layer", recurrent),
        made_up.dense(activation="sigmoid"),
        loss="binary_crossentropy",
    )
    given = made_up.tensor(
        "input", size=6400, num_zero=int(6400 * zeros), min=0.0, max=59.0, mean=9.0, std=15.0, integral=True
    )
    mask = Intervention(InterventionKind.SET_MASK_ZERO, "embedding", True)
    return made_up.run(
        of,
        loss=[0.7] + [ended] * 199,
        inputs=[given],
        targets=[made_up.labels(0, 1)],
        trials=made_up.cured(mask) if proven else [],
    )
