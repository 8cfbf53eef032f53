"""Made-up runs: what a rule's examples are written with, where no training is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nanwatch.record.events import EpochEnd, FitEvent, Warned
from nanwatch.record.facts import (
    DataInfo,
    FitInfo,
    IncidentInfo,
    LayerInfo,
    Location,
    LossInfo,
    ModelInfo,
    Operand,
    OptimizerInfo,
    OutputInfo,
    RunInfo,
    TensorSummary,
    WeightInfo,
)
from nanwatch.record.interventions import Intervention
from nanwatch.record.run import EMPTY, Fit, Run
from nanwatch.record.series import STEP, Series, column_name
from nanwatch.record.trials import Trial, TrialOutcome

SCRIPT = "/project/train.py"


def line(number: int, code: str = "") -> Location:
    return Location(SCRIPT, number, code)


def dense(
    path: str = "dense", units: int = 1, activation: str = "linear", at: int = 5, **facts: Any
) -> LayerInfo:
    """A Dense layer made on line ``at``, with a kernel and a bias."""
    return LayerInfo(
        path,
        path.rsplit("/", 1)[-1],
        "Dense",
        activation,
        units,
        (None, units),
        weights=(f"{path}/kernel", f"{path}/bias"),
        location=line(at, f'Dense({units}, activation="{activation}")'),
        **facts,
    )


def output(head: LayerInfo, loss: str = "mean_squared_error", **facts: Any) -> OutputInfo:
    """The output ``head`` makes by itself, under the loss with this canonical name."""
    known: dict[str, Any] = {
        "head": head.path,
        "activation_layer": head.path,
        "activation": head.activation or "linear",
        "units": head.units,
        "shape": head.output_shape,
    }
    if head.activation == "softmax":
        known["softmax_axis_size"] = head.units
    loss_info = facts.pop("loss_info", LossInfo(loss, f'"{loss}"', from_logits=False))
    return OutputInfo("output", **{**known, "loss": loss_info, **facts})


def model(
    *layers: LayerInfo,
    loss: str = "mean_squared_error",
    optimizer: str = "Adam",
    learning_rate: float = 1e-3,
    output_facts: Mapping[str, Any] | None = None,
    **facts: Any,
) -> ModelInfo:
    """A model of these layers in a row; the last one is its head."""
    chosen = layers or (dense(),)
    weights = tuple(
        WeightInfo(path, (8, layer.units or 1), trainable=layer.trainable, layer=layer.path)
        for layer in chosen
        for path in layer.weights
    )
    known: dict[str, Any] = {
        "outputs": (output(chosen[-1], loss, **(output_facts or {})),),
        "optimizer": OptimizerInfo(optimizer, learning_rate, location=line(9, f"{optimizer}()")),
        "compile_location": line(10, "model.compile(...)"),
    }
    return ModelInfo("model", "Sequential", chosen, weights, **{**known, **facts})


def tensor(role: Any, path: str = "0", **facts: Any) -> TensorSummary:
    """A summary of data; 640 rows unless said, well scaled unless said."""
    known: dict[str, Any] = {"rows": 640, "size": 640, "min": -3.0, "max": 3.0, "std": 1.0}
    if role == "label":
        known = {"rows": 640, "size": 640, "min": 0.0, "max": 1.0, "mean": 0.5, "std": 0.5, "shape": (None,)}
    return TensorSummary(role, path, **{**known, **facts})


def labels(*classes: float, **facts: Any) -> TensorSummary:
    """Whole-number labels, 100 rows of each class."""
    count = len(classes)
    mean = sum(classes) / count
    std = (sum((value - mean) ** 2 for value in classes) / count) ** 0.5
    known: dict[str, Any] = {
        "rows": 100 * count,
        "size": 100 * count,
        "min": min(classes),
        "max": max(classes),
        "mean": mean,
        "std": std,
        "integral": True,
        "classes": {f"{value:g}": 100 for value in classes},
    }
    return tensor("label", "output", **{**known, **facts})


def operands(**values: float | tuple[float, float] | None) -> tuple[Operand, ...]:
    """An op's inputs: ``square_root=0``; ``argument=(-3, 0)`` for a range, ``input_0=None`` for no value."""
    return tuple(operand(name.replace("_", " "), value) for name, value in values.items())


def operand(name: str, value: float | tuple[float, float] | None) -> Operand:
    if value is None:
        return Operand(name)
    low, high = value if isinstance(value, tuple) else (value, value)
    return Operand(name, float(low), float(high), first=float(low), size=1 if low == high else 2)


def series(columns: Mapping[tuple[str, str, str], Sequence[float]]) -> Series:
    """A series from (role, path, stat) -> values, one a row; all of one length."""
    if not columns:
        return EMPTY
    names = [STEP, *(column_name(*key) for key in columns)]
    rows = [[float(number), *row] for number, row in enumerate(zip(*columns.values(), strict=True))]
    return Series.from_rows(names, rows)


def run(
    of: ModelInfo | None = None,
    *,
    loss: Sequence[float] | None = None,
    steps: Mapping[tuple[str, str, str], Sequence[float]] | None = None,
    health: Mapping[tuple[str, str, str], Sequence[float]] | None = None,
    epochs: Sequence[Mapping[str, float]] = (),
    warnings: Sequence[str] = (),
    inputs: Sequence[TensorSummary] = (),
    targets: Sequence[TensorSummary] = (),
    sample_weights: Sequence[TensorSummary] = (),
    predictions: Sequence[TensorSummary] = (),
    incident: Mapping[str, Any] | None = None,
    fit: Mapping[str, Any] | None = None,
    info: Mapping[str, Any] | None = None,
    trials: Sequence[Trial] = (),
) -> Run:
    """A run of one fit. ``loss`` gives the true loss of each step; 100 quiet steps unless said."""
    chosen = of or model()
    losses = list(loss) if loss is not None else [0.7 - 0.004 * step for step in range(100)]
    columns: dict[tuple[str, str, str], Sequence[float]] = {("loss", "", "value"): losses, **(steps or {})}
    data = DataInfo(tuple(inputs), tuple(targets), tuple(sample_weights), tuple(predictions), whole=True)
    known: dict[str, Any] = {
        "status": "finished",
        "steps": len(losses),
        "epochs": max(1, len(epochs)),
        "data": data,
        "location": line(12, "model.fit(...)"),
    }
    fit_info = FitInfo(0, **{**known, **(fit or {})})
    ends = (EpochEnd(0, number, dict(logs)) for number, logs in enumerate(epochs))
    events: tuple[FitEvent, ...] = (*ends, *(Warned(0, message) for message in warnings))
    found = None
    if incident is not None:
        role = incident.get("role", "loss")
        found = IncidentInfo(**{"fit": 0, "step": len(losses) - 1, "epoch": 0, **incident, "role": role})
    run_info = RunInfo(
        SCRIPT,
        (SCRIPT,),
        "/project",
        **{"status": "finished", "models": (chosen,), "fits": (fit_info,), "incident": found, **(info or {})},
    )
    fit_made = Fit(fit_info, chosen, series(columns), series(health or {}), events)
    return Run(run_info, (fit_made,), trials=trials)


def cured(*changes: Intervention) -> list[Trial]:
    """Trials in which a training without skill learned with each of ``changes``."""
    before, after = TrialOutcome(True, 200, 0.69, 0.01), TrialOutcome(True, 200, 0.1, 0.9)
    return [Trial(change, "cured", before, after, 200, made_again=True) for change in changes]
