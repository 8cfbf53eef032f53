"""NW311: an embedding that is the same for every row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import number
from nanwatch.diagnose.dead_layers import dead_layers
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.optimizer_line import rate_remedy
from nanwatch.diagnose.readings import PATIENCE_STEPS, REAL_LOSS, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.skill import ENOUGH_STEPS
from nanwatch.diagnose.statistics import median
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo, LossInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Of the spread that the embeddings of a batch had at first. Five that collapsed were at 0.024 and below
# after 300 steps; trainings that drew them together and still told rows apart, at 0.16 and above.
SHRUNK = 0.05
# The loss of embeddings that are all the same does not depend on the batch: those that collapsed had a loss
# that kept to 0.4 % over twenty batches, others varied by 9 % and more.
FLAT = 0.01
LEAST_WIDTH = 2.0  # numbers a row: one alone is a score
DAMPED = 10.0


class CollapsedEmbedding(Rule):
    """Every row gets the same embedding, and the loss stays at what that costs: the margin.

    ## What it does
    Looks, under a loss of your own, for a last layer whose vectors have come so close together that
    only a twentieth of their first spread is left, while the loss has become the same for every batch.

    ## Why is this bad
    If all distances are 0, a triplet loss is its margin, max(0 - 0 + margin, 0), and a contrastive loss
    over a batch is ln of its number of rows. Training can end there if the pairs are too hard at first,
    or the steps too large: giving all rows the same vector costs less than getting the hardest pairs
    wrong. The loss falls on the way there, and looks like learning.

    ## Example
    ```python
    hardest = tf.reduce_min(distance + 1e6 * same, axis=1)  # of each row, from the first step on
    loss = tf.maximum(furthest - hardest + 0.5, 0.0)
    keras.optimizers.Adam(1e-2)
    ```

    ## Use instead
    ```python
    # the nearest that is further than the positive ("semi-hard"), or all triplets on average
    semi_hard = tf.reduce_min(distance + 1e6 * same + 1e6 * tf.cast(distance <= positive, "float32"), axis=1)
    keras.optimizers.Adam(1e-3)
    ```
    """

    code, name = "NW311", "collapsed-embedding"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if (
            fit.health.paths("activation", "row_std")
            or level_of_flat_loss(fit) is None
            or not is_own_loss(fit)
        ):
            return None
        return "the layers' outputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        level = level_of_flat_loss(fit)
        if level is None or not is_own_loss(fit) or incident_of(fit, run) is not None or fit.info.cut_short:
            return
        found = last_vectors(fit)
        if found is not None and found.last <= SHRUNK * found.first and not any(dead_layers(fit)):
            yield self.build_finding(fit, found, level)

    def build_finding(self, fit: Fit, found: Spread, level: float) -> Finding:
        at = fit.info.loss_location or fit.model.compile_location or fit.info.location
        optimizer = fit.model.optimizer
        rate = optimizer.learning_rate if optimizer is not None and optimizer.schedule is None else None
        text = (
            "Give it easier pairs to begin with: of the others not the nearest but the nearest that is "
            "further than the positive one (semi-hard), or all triplets on average."
        )
        return self.finding(
            fit,
            f"Every row gets the same embedding: the vectors of {found.layer.name!r} spread by "
            f"{number(found.last)} over a batch, where they spread by {number(found.first)} at first, and "
            f"the loss is {number(level)} whatever the batch.",
            location=at,
            layer=found.layer.path,
            remedies=(
                Remedy(Intervention(InterventionKind.MEND_LOSS, "loss"), text, location=at),
                *([rate_remedy(fit, float(f"{rate / DAMPED:.3g}"))] if rate else []),
            ),
            strength=0.8,
            explains=STUCK | {"vanishing-gradient"},
            since=found.since,
        )

    @staticmethod
    def fires() -> list[Run]:
        return [embedding_run(0.05), embedding_run(0.0), embedding_run(0.05, noise=0.0024)]

    @staticmethod
    def silent() -> list[Run]:
        return [
            embedding_run(0.051),
            embedding_run(0.05, noise=0.0026),
            embedding_run(0.05, width=1),
            embedding_run(0.05, loss="mean_squared_error"),
            embedding_run(0.05, ends=0.0),
            embedding_run(0.05, steps=99),
        ]


@dataclass(frozen=True)
class Spread:
    """How far the vectors of a batch were apart in the first look and in the last, which was at a step."""

    layer: LayerInfo
    first: float
    last: float
    since: int


def level_of_flat_loss(fit: Fit) -> float | None:
    """The loss of the last steps, where it is above 0 and the same in all of them."""
    last = fit.steps.recent_values("loss", last=PATIENCE_STEPS)
    if fit.info.steps < ENOUGH_STEPS or len(last) < PATIENCE_STEPS or not all(map(math.isfinite, last)):
        return None
    level = median(last)
    return level if level > REAL_LOSS and max(last) - min(last) <= FLAT * level else None


def is_own_loss(fit: Fit) -> bool:
    """Whether all is under losses of the script's own."""
    return all(output.loss is None or output.loss.name == "custom" for output in fit.model.outputs)


def last_vectors(fit: Fit) -> Spread | None:
    """Of the last layer that gives a vector a row."""
    rows = dict(fit.steps.values("rows"))
    seen = set(fit.health.paths("activation", "row_std"))
    for layer in reversed(fit.model.layers):
        looks = fit.health.values("activation", layer.path, "row_std") if layer.path in seen else []
        known = [(step, spread) for step, spread in looks if math.isfinite(spread)]
        if len(known) < 2 or known[0][1] <= 0:
            continue
        sizes = dict(fit.health.values("activation", layer.path, "size"))
        step, last = known[-1]
        if sizes.get(step, 0.0) >= LEAST_WIDTH * rows.get(step, math.inf):
            return Spread(layer, known[0][1], last, step)
    return None


def embedding_run(
    left: float, noise: float = 0.0, width: int = 8, loss: str = "custom", ends: float = 0.5, steps: int = 100
) -> Run:
    """Embeddings of which this share of their spread is left, and a loss that strays by ``noise``."""
    of = made_up.model(
        made_up.dense("hidden", 32, "relu"),
        made_up.dense("embedding", width),
        output_facts={"loss_info": LossInfo(loss)},
    )
    losses = [2.0] * (steps - 40) + [ends + noise * (-1) ** step for step in range(40)]
    health = {
        ("activation", "embedding", "row_std"): [0.4] + [0.4 * left] * (steps - 1),
        ("activation", "embedding", "size"): [32.0 * width] * steps,
    }
    return made_up.run(of, loss=losses, steps={("rows", "", "value"): [32.0] * steps}, health=health)
