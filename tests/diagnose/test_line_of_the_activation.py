"""A vanishing gradient is told at the line that sets the activation."""

from dataclasses import replace

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.rules.nw303_vanishing_gradient import VanishingGradient, gradients_run
from nanwatch.record.facts import LayerInfo


@pytest.mark.parametrize(("kind", "line"), [("sigmoid", 40), ("relu", 10)])
def test_an_activation_of_its_own_behind_the_layer(kind: str, line: int) -> None:
    run = gradients_run([1e-6, 1e-4, 1e-2, 1.0])
    (fit,) = run.fits
    plain = [replace(layer, activation="linear", location=made_up.line(10)) for layer in fit.model.layers]
    behind = LayerInfo("act", "act", "Activation", kind, location=made_up.line(40))
    model = replace(fit.model, layers=(plain[0], behind, *plain[1:]))
    (found,) = VanishingGradient().diagnose(replace(fit, model=model), run)
    assert found.location is not None
    assert found.location.line == line


def test_the_activation_of_a_later_layer_is_not_meant() -> None:
    run = gradients_run([1e-6, 1e-4, 1e-2, 1.0])
    (fit,) = run.fits
    first, *others = (replace(layer, location=made_up.line(10)) for layer in fit.model.layers)
    model = replace(fit.model, layers=(replace(first, activation="linear"), *others))
    (found,) = VanishingGradient().diagnose(replace(fit, model=model), run)
    assert found.layer == first.path
    assert found.location is not None
    assert found.location.line == 10
