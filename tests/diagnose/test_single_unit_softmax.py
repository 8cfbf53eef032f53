"""NW202 where the softmax is a layer of its own behind the single unit."""

from __future__ import annotations

from dataclasses import replace

from nanwatch.diagnose import made_up
from nanwatch.diagnose.engine import diagnose
from nanwatch.record.facts import LayerInfo


def test_each_remedy_is_at_the_line_it_changes() -> None:
    unit = made_up.dense("unit", units=1, activation="linear", at=16)
    softmax = LayerInfo(
        "act",
        "act",
        "Activation",
        "softmax",
        None,
        (None, 1),
        location=made_up.line(17, 'out = Activation("softmax")(out)'),
    )
    made = made_up.model(unit, softmax, loss="binary_crossentropy")
    output = replace(made.outputs[0], head="unit", activation_layer="act", units=1, softmax_axis_size=1)
    model = replace(made, outputs=(output,))
    ones = made_up.tensor("output", "output", min=1.0, max=1.0, mean=1.0, std=0.0)
    cause = diagnose(made_up.run(model, targets=[made_up.labels(0, 1)], predictions=[ones])).diagnoses[0]
    assert cause.code == "NW202"
    assert cause.location is not None
    assert cause.location.line == 17
    one, two = cause.remedies
    assert one.line == 'out = Activation("sigmoid")(out)'
    assert two.intervention.target == "unit"
    assert two.location is not None
    assert two.location.line == 16
    assert two.line == 'Dense(2, activation="linear")'
