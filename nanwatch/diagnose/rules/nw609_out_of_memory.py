"""NW609: no memory was left for a tensor."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.loss_line import shape_words, sizes
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import LayerInfo, Location, ScriptError
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

OOM = re.compile(r"OOM when allocating tensor with shape ?\[([^\]]*)\] and type (\w+)")
BYTES = {"half": 2, "bfloat16": 2, "float": 4, "double": 8, "int32": 4, "int64": 8, "bool": 1, "uint8": 1}
KERAS_DEFAULT = 32  # rows in a batch of arrays
UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


class OutOfMemory(Rule):
    """The script ended because there was not enough memory for a tensor.

    ## What it does
    Reads the shape of the tensor in TensorFlow's exception, and says what takes the memory: the batch,
    the layer with the largest output, and the layer with the largest weights.

    ## Why is this bad
    In training the outputs of all layers are kept until the gradient has passed through them, so they
    grow with the batch. Weights are kept three or four times: with their gradients and the optimizer's
    averages.

    ## Example
    ```python
    model.fit(x, y, batch_size=4096)
    ```

    ## Use instead
    ```python
    model.fit(x, y, batch_size=64)
    ```
    """

    code, name = "NW609", "out-of-memory"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        return iter(())

    def diagnose_script(self, run: Run) -> Iterator[Finding]:
        raised = run.info.raised
        found = OOM.search(raised.message) if raised is not None else None
        if raised is None or found is None:
            return
        shape = tuple(size or 0 for size in sizes(found[1]))
        fit = next((fit for fit in reversed(run.fits) if fit.info.status == "crashed"), None)
        layer = layer_of(shape, fit)
        at = (layer.location if layer else None) or raised.location
        size = math.prod(shape) * BYTES.get(found[2], 4)
        of = f", of {layer.type} {layer.name!r}" if layer else ""
        yield self.finding(
            None,
            f"No memory was left for a tensor of shape {shape_words(shape)}{of}: {bytes_words(size)}.",
            *evidence(fit),
            location=at,
            layer=layer.path if layer else None,
            remedies=tuple(remedies(shape, fit, layer, at)),
            strength=1.0,
            explains={"crash"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [oom_run("[4096,64]"), oom_run("[8,64]"), oom_run("[3,3]"), Run(oom_run("[7]").info)]

    @staticmethod
    def silent() -> list[Run]:
        other = ScriptError("MemoryError", "Unable to allocate 3.2 GiB for an array with shape (99, 99)")
        return [made_up.run(), made_up.run(info={"status": "crashed", "raised": other})]


def oom_run(shape: str) -> Run:
    """A Dense layer of 64 units, which saw batches of 4096 rows until this tensor had no room."""
    said = f"OOM when allocating tensor with shape{shape} and type float on /device:GPU:0"
    raised = ScriptError("ResourceExhaustedError", said, made_up.line(12, "model.fit(x, y, batch_size=4096)"))
    return made_up.run(
        made_up.model(made_up.dense("wide", 64), made_up.dense("dense_1")),
        loss=[],
        fit={"status": "crashed", "steps": 0, "batch_size": 4096},
        info={"status": "crashed", "raised": raised},
    )


def layer_of(shape: tuple[int, ...], fit: Fit | None) -> LayerInfo | None:
    """The layer whose output for a batch, or whose weight, has this shape."""
    for layer in () if fit is None else fit.model.layers:
        output = layer.output_shape or ()
        same = zip(output[1:], shape[1:], strict=False)
        if len(output) == len(shape) > 1 and all(size in (None, other) for size, other in same):
            return layer
    weights = () if fit is None else fit.model.weights
    owner = next((weight.layer for weight in weights if weight.shape == shape), None)
    return fit.layer(owner) if fit is not None and owner else None


def rows_of(fit: Fit) -> int | None:
    seen = [tensor.rows for tensor in fit.info.last_batch.inputs[:1]]
    seen += [int(rows) for rows in fit.steps.first_values("rows")[:1]]
    default = KERAS_DEFAULT if fit.info.kind == "fit" and fit.info.data.whole else None
    return fit.info.batch_size or next(iter(seen), default)


def largest_output(fit: Fit) -> tuple[int, LayerInfo] | None:
    """How many numbers a row has in the layer that gives the most of them."""
    known = [
        (math.prod(size for size in layer.output_shape[1:] if size), layer)
        for layer in fit.model.layers
        if layer.output_shape
    ]
    return max(known, key=lambda each: each[0], default=None)


def number_of_weights(fit: Fit) -> int:
    return sum(math.prod(size or 1 for size in weight.shape) for weight in fit.model.weights)


def evidence(fit: Fit | None) -> Iterator[str]:
    if fit is None:
        return
    rows, largest = rows_of(fit), largest_output(fit)
    if rows:
        yield f"a batch has {count_words(rows, 'row')}"
    if largest is not None:
        numbers, layer = largest
        whole = f", {bytes_words(4 * numbers * rows)} for the batch" if rows else ""
        yield f"the largest output is that of {layer.type} {layer.name!r}: {numbers} numbers a row{whole}"
    weights = number_of_weights(fit)
    yield f"{weights} weights take {bytes_words(4 * weights)}, and so do gradients and each average of them"


def remedies(
    shape: tuple[int, ...], fit: Fit | None, layer: LayerInfo | None, at: Location | None
) -> Iterator[Remedy]:
    if layer is not None and fit is not None and shape in [weight.shape for weight in fit.model.weights]:
        text = (
            f"Give {layer.type} {layer.name!r} fewer units or fewer inputs: a pooling layer in front of it "
            "instead of Flatten, say."
        )
        yield Remedy(Intervention(InterventionKind.SET_UNITS, layer.path), text, location=at)
        return
    if fit is None:
        text = (
            "If it is a weight that was to be made, give its layer fewer units or fewer inputs (a pooling "
            "layer instead of Flatten); if it is the output of a batch, take smaller batches."
        )
        yield Remedy(Intervention(InterventionKind.SET_UNITS, "model"), text, location=at)
        return
    rows = rows_of(fit)
    fewer = max(1, rows // 8) if rows else None
    text = f"Lower the batch size, to batch_size={fewer} say" if fewer else "Lower the batch size"
    text += ", or let the layers with the largest outputs give less."
    yield Remedy(
        Intervention(InterventionKind.SET_BATCH_SIZE, "fit", fewer),
        text,
        location=fit.info.location,
    )


def bytes_words(size: float) -> str:
    unit = 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {UNITS[unit]}"
