"""The losses that a step of the script's own calls by itself, as the rules on them look at them."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose.heads import heads
from nanwatch.diagnose.readings import BINARY, REGRESSIONS
from nanwatch.record.facts import LossCall
from nanwatch.record.run import Fit

ELEMENTWISE = (*REGRESSIONS, BINARY, "poisson")  # losses of one number and another


def calls_beside_outputs(fit: Fit) -> Iterator[LossCall]:
    """Those on layers that no output with a known loss tells of; of one loss on one layer the first."""
    known = {(head.path, head.loss) for head in heads(fit)}
    done: set[tuple[str | None, str]] = set()
    for call in fit.info.loss_calls:
        key = call.layer, call.loss.name
        if call.layer is not None and key not in known and key not in done:
            done.add(key)
            yield call


def layer_words(call: LossCall) -> str:
    """``"Dense 'dense_2'"``, for a sentence."""
    return f"{call.layer_type} {(call.layer or '').rpartition('/')[2]!r}"


def is_crossed(call: LossCall) -> bool:
    """Whether every prediction is compared with a target of every row.

    Of (N,) and (N, 1) Keras makes one shape. (N, N), or two axes of which nothing is known, it leaves as they
    are beside (N,).
    """
    flat, wide = sorted((call.label_shape, call.output_shape), key=len)
    if call.loss.name not in ELEMENTWISE or (len(flat), len(wide)) != (1, 2):
        return False
    return wide[1] is None or wide[1] == wide[0] != 1


def is_spread(call: LossCall) -> bool:
    """Whether one column of targets is compared with each of several units."""
    label, output = call.label_shape, call.output_shape
    same = len(label) == len(output) > 1
    return same and label[-1] == 1 and output[-1] is not None and output[-1] > 1
