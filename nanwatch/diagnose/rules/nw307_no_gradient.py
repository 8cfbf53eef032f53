"""NW307: no gradient comes back from the loss."""

from __future__ import annotations

from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_words import count_words, list_words, number
from nanwatch.diagnose.dead_layers import dead_layers, input_is_zero
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.first_layers import SATURATED_SIGMOID
from nanwatch.diagnose.heads import heads, is_outside_probabilities, prediction_range
from nanwatch.diagnose.readings import NONE_AT_ALL, PATIENCE_STEPS, finite_losses, gradient_norms, incident_of
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.statistics import median
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import LayerInfo, Location, ModelInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Layers that are known to pass a gradient; a Lambda or a layer of one's own may hold anything.
PASSING = frozenset(
    {"InputLayer", "Activation", "Add", "Average", "BatchNormalization", "Concatenate", "Cropping1D"}
    | {"Cropping2D", "Dropout", "ELU", "Flatten", "GaussianDropout", "GaussianNoise", "LeakyReLU", "Masking"}
    | {"GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"}
    | {"AveragePooling1D", "AveragePooling2D", "MaxPooling1D", "MaxPooling2D", "Multiply", "Permute"}
    | {"PReLU", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Softmax", "SpatialDropout1D"}
    | {"SpatialDropout2D", "Subtract", "UpSampling1D", "UpSampling2D", "ZeroPadding1D", "ZeroPadding2D"}
)
# Keras's own activations; another may be anything. They are told by the names of the functions.
SLOPED = frozenset(
    {"celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish"}
    | {"hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu"}
    | {"sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid"}
    | {"sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold", "unknown"}
)
BOUNDED = ("sigmoid", "tanh", "softmax")


class NoGradient(Rule):
    """The loss depends on the weights, but no gradient comes back.

    ## What it does
    Looks for a training that Keras refused because of missing gradients, for one whose gradients are
    all 0 from the first step on while the loss is not, and for layers on the way to the output that get
    no gradient.

    ## Why is this bad
    Rounding, argmax, comparisons and casts to integers are flat: their slope is 0 or not defined, so
    nothing before them learns. `stop_gradient` and NumPy inside a loss cut the way as well.

    ## Example
    ```python
    model.add(Lambda(keras.ops.round))  # classes instead of probabilities
    ```

    ## Use instead
    ```python
    predictions = model.predict(x).round()  # round what comes out, not what is trained
    ```
    """

    code, name = "NW307", "no-gradient"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        if NONE_AT_ALL in (fit.info.error or ""):
            yield self.build_refused_finding(fit)
        elif is_flat(fit, run):
            yield self.build_flat_finding(fit)
        elif fit.info.no_gradient:
            yield from self.find_cut_off_weights(fit)

    def diagnose_script(self, run: Run) -> Iterator[Finding]:
        """A loop of the script's own was refused for want of gradients."""
        raised = run.info.raised
        if raised is None or NONE_AT_ALL not in raised.message:
            return
        text = (
            "Let the tape see the way from the weights to the loss: call the model inside "
            "`with tf.GradientTape()`, and keep NumPy, rounding, argmax and stop_gradient out of it."
        )
        at = raised.location
        yield self.finding(
            None,
            "None of the trainable weights, 1 or more, gets a gradient: the loss does not depend on them by "
            "ops that the tape has seen and that have a slope.",
            f"Keras says: {raised.message}",
            location=at,
            remedies=(Remedy(Intervention(InterventionKind.REMOVE_OP, "loss"), text, location=at),),
            strength=1.0,
            explains={"crash"},
        )

    def build_refused_finding(self, fit: Fit) -> Finding:
        layer = last_opaque(fit.model)
        behind = f" {layer.type} {layer.name!r} is the last layer that may hold such an op." if layer else ""
        return self.finding(
            fit,
            f"Of {count_words(fit.info.trainable or number_trainable(fit), 'trainable weight')} none gets a "
            f"gradient: an op without a slope stands between the weights and the loss.{behind}",
            *([f"Keras says: {fit.info.error}"] if fit.info.error else []),
            location=layer.location if layer else fit.model.compile_location,
            layer=layer.path if layer else None,
            remedies=(remedy(layer),),
            strength=1.0,
            shows={"crash", "weights-still"},  # of a fault that has a name, this is what it comes to
            explains={"crash", "weights-still"} | STUCK,
        )

    def build_flat_finding(self, fit: Fit) -> Finding:
        layer, odd = last_opaque(fit.model), last_odd_activation(fit.model)
        layer = odd or layer
        losses = finite_losses(fit)
        return self.finding(
            fit,
            f"The gradient of every weight is exactly 0 in all of {len(losses)} steps, while the loss is "
            f"{number(median(losses))}: somewhere after the weights is an op that is flat, such "
            "as rounding, sign or a comparison.",
            location=(layer.location if layer else None) or fit.model.compile_location or fit.info.location,
            layer=layer.path if layer else None,
            remedies=(activation_remedy(odd) if odd else remedy(layer),),
            strength=0.8,
            shows={"weights-still"},
            explains={"weights-still"} | STUCK,
        )

    def find_cut_off_weights(self, fit: Fit) -> Iterator[Finding]:
        """Some weights get none: a fault where they lie on the way from the input to the output."""
        without = set(fit.info.no_gradient)
        cut = [layer for layer in layers_on_the_way(fit) if layer.weights and set(layer.weights) & without]
        if not cut:
            return
        layer = cut[-1]
        weights = [path for path in fit.info.no_gradient if fit.layer(owner_path(fit, path)) in cut]
        wall = wall_behind(fit, layer)
        behind = f" Between it and the layers that learn is {wall.type} {wall.name!r}." if wall else ""
        yield self.finding(
            fit,
            f"{count_words(len(weights), 'weight')} on the way to the output get no gradient, the last of "
            f"them in {layer.type} {layer.name!r}: they keep their first values.{behind}",
            f"without a gradient: {list_words(weights)}",
            location=(wall or layer).location,
            layer=(wall or layer).path,
            remedies=(remedy(wall),),
            level="warning",
            strength=0.7,
            explains=STUCK,
        )

    @staticmethod
    def fires() -> list[Run]:
        cut = {"no_gradient": ("hidden/kernel", "hidden/bias")}
        return [
            made_up.run(model_of(), loss=[], fit={"error": f"ValueError: {NONE_AT_ALL}.", "steps": 0}),
            flat_run([0.0] * 20),
            made_up.run(model_of(inbound=True), fit=cut),
            made_up.run(model_of(inbound=True, behind="Lambda"), fit=cut),
        ]

    @staticmethod
    def silent() -> list[Run]:
        branch = LayerInfo("aside", "aside", "Dense", weights=("aside/kernel",), inbound=("hidden",))
        aside = made_up.model(*model_of(inbound=True).layers[:1], branch, model_of(inbound=True).layers[-1])
        return [
            flat_run([0.0] * 19),
            flat_run([0.0] * 19 + [1e-30]),
            flat_run([0.0] * 20, loss=0.0),
            flat_run([0.0] * 20, given=0.0),
            flat_run([0.0] * 20, dead=True),
            flat_run([0.0] * 20, activation="sigmoid"),
            made_up.run(aside, fit={"no_gradient": ("aside/kernel",)}),
            made_up.run(model_of(), fit={"error": "ValueError: shapes"}),
        ]


def number_trainable(fit: Fit) -> int:
    return sum(weight.trainable for weight in fit.model.weights)


def is_flat(fit: Fit, run: Run) -> bool:
    """Every gradient is 0 from the first step on, the loss is not, and nothing else explains it."""
    norms = gradient_norms(fit)
    losses = finite_losses(fit)
    if len(norms) < PATIENCE_STEPS or any(norm != 0 for _, norm in norms) or incident_of(fit, run):
        return False
    if not losses or any(loss == 0 for loss in losses) or input_is_zero(fit) or any(dead_layers(fit)):
        return False
    return not any(is_at_an_end(fit, run, path) for path in (output.path for output in fit.model.outputs))


def is_at_an_end(fit: Fit, run: Run, path: str) -> bool:
    """The output itself is flat: a unit that softmax makes 1, a sigmoid at its ends, a loss that clips."""
    output = next(output for output in fit.model.outputs if output.path == path)
    if output.softmax_axis_size == 1:
        return True
    clipped = [head for head in heads(fit) if head.output is output and head.is_crossentropy]
    if any(not head.from_logits for head in clipped) and is_outside_probabilities(
        prediction_range(fit, run, output)
    ):
        return True
    if output.activation == "relu":
        zeros = fit.health.recent_values("output", path, "num_zero", last=1)
        return bool(zeros) and zeros == fit.health.recent_values("output", path, "size", last=1)
    if output.activation not in BOUNDED:
        return False
    look = [fit.health.recent_values("output", path, stat, last=1) for stat in ("size", "mean", "l2_norm")]
    if not all(look):
        return True  # it cannot be told, so nothing is said
    (size,), (mean,), (norm,) = look
    left = 1 - norm**2 / size if output.activation == "tanh" else mean - norm**2 / size
    return left < SATURATED_SIGMOID


def last_opaque(model: ModelInfo) -> LayerInfo | None:
    """The layer behind the last weights that may hold an op without a slope, where there is but one."""
    behind: list[LayerInfo] = []
    for layer in reversed(model.layers):
        if layer.weights:
            break
        behind.append(layer)
    opaque = [layer for layer in behind if layer.type not in PASSING and layer.location is not None]
    return opaque[0] if len(opaque) == 1 else None


def last_odd_activation(model: ModelInfo) -> LayerInfo | None:
    """The last layer with an activation that is none of Keras's own, and may be flat."""
    odd = [layer for layer in model.layers if layer.activation and layer.activation not in SLOPED]
    return odd[-1] if odd else None


def layers_on_the_way(fit: Fit) -> list[LayerInfo]:
    """The layers that feed the outputs, as far as the graph tells, front to back."""
    wanted = {path for output in fit.model.outputs for path in (output.head, output.activation_layer) if path}
    by_path = {layer.path: layer for layer in fit.model.layers}
    waiting = list(wanted)
    while waiting:
        layer = by_path.get(waiting.pop())
        new = [path for path in (layer.inbound if layer else ()) if path not in wanted]
        wanted.update(new)
        waiting += new
    return [layer for layer in fit.model.layers if layer.path in wanted]


def wall_behind(fit: Fit, layer: LayerInfo) -> LayerInfo | None:
    """The only opaque layer between ``layer`` and the next one with weights."""
    layers = layers_on_the_way(fit)
    found = []
    for other in layers[layers.index(layer) + 1 :]:
        if other.weights:
            break
        if other.type not in PASSING:
            found.append(other)
    return found[0] if len(found) == 1 else None


def owner_path(fit: Fit, path: str) -> str | None:
    return next((weight.layer for weight in fit.model.weights if weight.path == path), None)


def remedy(layer: LayerInfo | None) -> Remedy:
    text = (
        "Leave rounding, argmax and comparisons to what comes after the training, and train on what stands "
        "before them; in a loss, use a smooth stand-in (sigmoid for a step, softmax for argmax)."
    )
    at: Location | None = layer.location if layer else None
    return Remedy(
        Intervention(InterventionKind.REMOVE_OP, layer.path if layer else "loss"), text, location=at
    )


def activation_remedy(layer: LayerInfo) -> Remedy:
    text = (
        f"Give {layer.name} an activation that has a slope, linear or tanh for a sign, sigmoid for a step, "
        "and round what predict gives."
    )
    change = Intervention(InterventionKind.SET_ACTIVATION, layer.path, "linear")
    return Remedy(change, text, location=layer.location)


def model_of(inbound: bool = False, behind: str | None = None) -> ModelInfo:
    hidden = made_up.dense("hidden", 8, "relu")
    wall = LayerInfo("wall", "wall", behind or "Dropout", inbound=("hidden",), location=made_up.line(7))
    head = made_up.dense("head", 1, inbound=("wall",) if inbound else ())
    return made_up.model(hidden, wall, head)


def flat_run(
    norms: list[float],
    loss: float = 0.6,
    given: float = 1.0,
    dead: bool = False,
    activation: str = "linear",
) -> Run:
    """A training whose only gradient has these norms."""
    hidden = made_up.dense("hidden", 8, "relu")
    of = made_up.model(hidden, made_up.dense("head", 1, activation), loss="custom")
    amount = len(norms)
    steps = {
        ("gradient", "head/kernel", "l2_norm"): norms,
        ("input", "0", "l2_norm"): [given] * amount,
        ("activation", "hidden", "l2_norm"): [0.0 if dead else 1.0] * amount,
    }
    return made_up.run(of, loss=[loss] * amount, steps=steps)
