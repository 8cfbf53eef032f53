"""NW312: dropout that leaves too little of what it is given."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.patch import set_argument
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import skill_words
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Half is the rate of the paper (Srivastava et al., "Dropout", 2014) and the most in common use.
MUCH = 0.5
USUAL = 0.2
DROPOUTS = frozenset({"Dropout", "AlphaDropout", "GaussianDropout"})


class ExcessiveDropout(Rule):
    """Dropout removes so much of the layers' outputs that the training learns almost nothing.

    ## What it does
    Looks for dropout of more than a half in a training without skill. It is reported only if the
    training learns when it is repeated with less dropout.

    ## Why is this bad
    The rate is the share that is dropped, not the share that is kept. At 0.9 a layer of 64 passes on 6
    numbers, different ones at every step. After two or three such layers only noise is left of the
    input.

    ## Example
    ```python
    keras.layers.Dropout(0.9)  # meant to keep 0.9
    ```

    ## Use instead
    ```python
    keras.layers.Dropout(0.1)
    ```
    """

    code, name = "NW312", "excessive-dropout"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        return iter(())

    def suspect(self, fit: Fit, run: Run) -> Iterator[Finding]:
        found = [layer for layer in fit.model.layers if rate_of(layer) > MUCH]
        if not found:
            return
        most = max(found, key=rate_of)
        others = f" (and {len(found) - 1} more)" if found[1:] else ""
        yield self.finding(
            fit,
            f"{most.type} {most.name!r}{others} drops {number(rate_of(most))} of what it is given: "
            f"{skill_words(fit)}.",
            location=most.location,
            layer=most.path,
            remedies=(remedy(most),),
            strength=0.55,
            explains=STUCK,
            suspected=True,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [dropping_run(0.97), dropping_run(0.51)]

    @staticmethod
    def silent() -> list[Run]:
        return [dropping_run(0.5), dropping_run(0.97, proven=False), dropping_run(0.97, ended=0.2)]


def rate_of(layer: LayerInfo) -> float:
    rate = layer.config.get("rate") if layer.type in DROPOUTS else None
    return float(rate) if isinstance(rate, int | float) else 0.0


def remedy(layer: LayerInfo) -> Remedy:
    at = layer.location
    line = None if at is None else set_argument(at.code, layer.type, "rate", f"{USUAL:g}", 0)
    change = Intervention(InterventionKind.SET_DROPOUT, "model", USUAL)
    return Remedy(change, f"Drop {USUAL:g} at most; the rate is the share that is dropped.", line, at)


def dropping_run(rate: float, ended: float = 0.69, proven: bool = True) -> Run:
    """A hidden layer, dropout, a sigmoid head; less of it was tried, and cured where it is ``proven``."""
    dropout = LayerInfo("dropout", "dropout", "Dropout", config={"rate": rate}, location=made_up.line(6))
    of = made_up.model(
        made_up.dense("hidden", 16, "relu"),
        dropout,
        made_up.dense(activation="sigmoid"),
        loss="binary_crossentropy",
    )
    less = Intervention(InterventionKind.SET_DROPOUT, "model", USUAL)
    return made_up.run(
        of,
        loss=[0.7] + [ended] * 199,
        targets=[made_up.labels(0, 1)],
        trials=made_up.cured(less) if proven else [],
    )
