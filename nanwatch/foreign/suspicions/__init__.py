"""WHAT IS SEEN -> SUSPICIONS: which faults fit, the likeliest first. Of a healthy training there is none."""

from __future__ import annotations

from nanwatch.foreign.suspicions import of_data, of_heads, of_layers, of_optimizer
from nanwatch.foreign.suspicions.case import Case
from nanwatch.foreign.suspicions.suspicion import ORDER, Suspicion

FAMILIES = (of_heads, of_data, of_layers, of_optimizer)


def suspicions_of(case: Case) -> tuple[Suspicion, ...]:
    """The faults that fit ``case``; of each the one for which there is most."""
    found: dict[str, Suspicion] = {}
    for family in FAMILIES:
        for each in family.suspicions(case):
            known = found.get(each.code)
            if known is None or rank(each) < rank(known):
                found[each.code] = each
    return tuple(sorted(found.values(), key=rank))


def rank(suspicion: Suspicion) -> tuple[int, float, str]:
    return ORDER.index(suspicion.strength), -suspicion.weight, suspicion.code
