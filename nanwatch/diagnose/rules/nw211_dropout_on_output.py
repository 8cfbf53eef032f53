"""NW211: dropout between the output and the loss."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import went_nonfinite
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.heads import Head, heads
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import InferenceInfo, LayerInfo, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Dropout inside a net costs a trained one some hundredths of its loss; behind the output, several times it.
WORSE = 1.25  # times the loss of the same rows in inference
# Where they were not tried: of so many answers in which a 0 stands for them, a classifier's loss is 16.
MUCH = 0.2


class DropoutOnOutput(Rule):
    """Dropout comes after the last layer with weights, and removes answers.

    ## What it does
    Looks for a dropout layer between the output layer and the loss. At the end of the fit some rows are
    computed in training mode and in inference mode; if they are not much worse in training mode, it is
    only a warning.

    ## Why is this bad
    Dropout before a layer makes that layer use all of its inputs. After the output it replaces an
    answer by 0, and no learning can correct that: the loss of these answers is the same whatever the
    weights are. The loss and accuracy that are printed say little about the model.

    ## Example
    ```python
    model.add(Dense(10, activation="softmax"))
    model.add(Dropout(0.5))
    ```

    ## Use instead
    ```python
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    ```
    """

    code, name = "NW211", "dropout-on-output"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if went_nonfinite(fit, run):
            return  # a row of zeros in the place of shares is a fault with a name of its own
        for head in heads(fit):
            layer = fit.layer(head.output.dropout)
            if layer is None or head.loss == "custom" or rate_of(layer) == 0:
                continue
            tried = fit.info.inference if head.alone else None
            harm = is_worse(tried) if tried is not None else rate_of(layer) >= MUCH
            yield self.finding(
                fit,
                f"{layer.type} {layer.name!r} stands between {head.words} and the loss, and drops "
                f"{number(rate_of(layer))} of the answers in every step of the training.",
                *(evidence(tried) if tried is not None else ()),
                location=layer.location,
                layer=layer.path,
                remedies=(remedy(head, layer),),
                level="error" if harm else "warning",
                strength=0.95 if harm else 0.5,
                explains=STUCK | {"large-loss", "poor-accuracy"},
            )

    @staticmethod
    def fires() -> list[Run]:
        return [
            dropped_run(0.5),
            dropped_run(0.2),
            dropped_run(0.1),
            dropped_run(0.1, tried=InferenceInfo(32, 2.6, 0.4, 0.42, 0.89)),
            dropped_run(0.5, tried=InferenceInfo(32, 0.51, 0.42)),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            dropped_run(0.5, behind=False),
            dropped_run(0.0),
            dropped_run(0.5, loss="custom"),
            dropped_run(0.5, value="nan"),
        ]


def rate_of(layer: LayerInfo) -> float:
    rate = layer.config.get("rate")
    return float(rate) if isinstance(rate, int | float) else 0.0


def is_worse(tried: InferenceInfo) -> bool:
    return tried.loss_training > WORSE * abs(tried.loss_inference)


def evidence(tried: InferenceInfo) -> Iterator[str]:
    yield (
        f"on the same {tried.rows} rows the loss is {number(tried.loss_training)} in training mode, and "
        f"{number(tried.loss_inference)} in inference mode"
    )
    if tried.accuracy_training is not None and tried.accuracy_inference is not None:
        yield f"the accuracy is {tried.accuracy_training:.4f} there, and {tried.accuracy_inference:.4f} here"


def remedy(head: Head, layer: LayerInfo) -> Remedy:
    text = f"Leave {layer.type} {layer.name!r} out after the output, or put it before {head.words}."
    at = layer.location
    line = None if at is None else set_argument(at.code, layer.type, "rate", "0", 0)
    return Remedy(Intervention(InterventionKind.SET_DROPOUT, layer.path, 0.0), text, line, at)


def dropped_run(
    rate: float,
    behind: bool = True,
    tried: InferenceInfo | None = None,
    loss: str = "categorical_crossentropy",
    value: str = "",
) -> Run:
    """A classifier with a dropout, ``behind`` its head or in front of it; how rows are in both modes."""
    at = made_up.line(8, f"Dropout({rate:g})")
    dropout = LayerInfo("dropout", "dropout", "Dropout", config={"rate": rate}, location=at)
    head = made_up.dense("out", 3, "softmax")
    of = made_up.model(
        dropout,
        head,
        output_facts={"loss_info": LossInfo(loss, "a loss"), "dropout": "dropout" if behind else None},
    )
    return made_up.run(of, fit={"inference": tried}, incident={"value": value} if value else None)
