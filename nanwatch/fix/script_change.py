"""A remedy written into the script: which call gets which argument, which statement comes before which."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import libcst as cst

from nanwatch.diagnose.diagnosis import Diagnosis, Remedy
from nanwatch.diagnose.loss_course import sole_labels
from nanwatch.diagnose.readings import class_shares
from nanwatch.fix.source_edit import Script, argument_place, called_name, with_keras
from nanwatch.record.facts import LayerInfo, Location, OutputInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit

K = InterventionKind
WHOLE = 1e-9  # how far the inverse of a factor may be from a whole number to be written as that


@dataclass(frozen=True)
class Place:
    """What a change is made to: the script's text, the finding, and the training that it is about."""

    script: Script
    file: str  # of the script, absolute
    change: Intervention
    diagnosis: Diagnosis
    fit: Fit

    def line_of(self, location: Location | None) -> int | None:
        """The line, where it lies in the script itself."""
        return location.line if location is not None and location.file == self.file else None

    def layer(self) -> LayerInfo | None:
        return self.fit.layer(self.change.target)


def changed_source(source: str, file: str, diagnosis: Diagnosis, remedy: Remedy, fit: Fit) -> str | None:
    """``source`` with the remedy; None where it is not known how to write it.

    Raises:
        ValueError: ``source`` is no Python that could be read.
    """
    place = Place(Script(source), file, remedy.intervention, diagnosis, fit)
    edit = EDITS.get(remedy.intervention.kind)
    done = edit(place) if edit is not None else None
    if done is not None:
        return done.source if done.source != source else None
    return with_line(source, file, remedy)


def with_line(source: str, file: str, remedy: Remedy) -> str | None:
    """The remedy's own line in the place of the one that it is written for."""
    at, new = remedy.location, remedy.line
    lines = source.splitlines(keepends=True)
    if at is None or new is None or at.file != file or not 0 < at.line <= len(lines):
        return None
    old = lines[at.line - 1]
    if old.strip() != at.code.strip():
        return None
    lines[at.line - 1] = old.replace(at.code.strip(), new.strip(), 1)
    return "".join(lines)


# -- layers


def set_activation(place: Place) -> Script | None:
    layer = place.layer()
    return None if layer is None else with_activation(place, place.script, layer, str(place.change.value))


def with_activation(place: Place, script: Script, layer: LayerInfo, activation: str) -> Script | None:
    """Another activation where the layer is made; an `Activation` layer has it as its first argument."""
    call = layer_call(place, script, layer)
    if call is None:
        return None
    position = {"Dense": 1, "Activation": 0}.get(layer.type)
    known = argument_place(call.args, "activation", position)
    named = known is not None and call.args[known].keyword is not None
    if activation == "linear" and named:
        return script.with_argument(call, "activation", None, position)
    return script.with_argument(call, "activation", quoted(activation), position)


def layer_call(place: Place, script: Script, layer: LayerInfo) -> cst.Call | None:
    """The call that makes ``layer``; of several on its line the one with its size and its activation.

    None where it is in another file, or where several calls could be meant.
    """
    line = place.line_of(layer.location)
    calls = [found.node for found in script.calls_at(line, (layer.type,))] if line is not None else []
    for keyword, position, value in (
        ("units", 0, str(layer.units)),
        ("activation", 1, quoted(layer.activation or "linear")),
    ):
        if len(calls) > 1:
            calls = [call for call in calls if source_of(argument(call, keyword, position)) in (value, None)]
    return calls[0] if len(calls) == 1 else None


def source_of(node: cst.BaseExpression | None) -> str | None:
    """The text of a literal, strings in double quotes; None for what is not known before it runs."""
    if isinstance(node, cst.SimpleString):
        return quoted(str(node.evaluated_value))
    return node.value if isinstance(node, cst.Integer) else None


def set_hidden_activations(place: Place) -> Script | None:
    """In every hidden layer that squashes, or does nothing to, what it is given."""
    heads = {name for output in place.fit.model.outputs for name in (output.head, output.activation_layer)}
    hidden = [
        layer
        for layer in place.fit.model.layers
        if layer.path not in heads and layer.weights and layer.activation in SQUASHING
    ]

    def change(script: Script, layer: LayerInfo) -> Script | None:
        changed = with_activation(place, script, layer, "relu")
        if changed is None or layer.initializer not in GLOROT:
            return changed
        call = layer_call(place, changed, replace(layer, activation="relu"))
        return changed if call is None else changed.with_argument(call, "kernel_initializer", '"he_normal"')

    return each_layer(place, hidden, change)


GLOROT = ("GlorotUniform", "GlorotNormal")  # made for what squashes; relu wants twice the variance
REGULARIZERS = ("kernel_regularizer", "bias_regularizer", "activity_regularizer")
DROPOUTS = ("Dropout", "AlphaDropout", "GaussianDropout")
SQUASHING = ("sigmoid", "tanh", "hard_sigmoid", "softsign", "linear")
Change = Callable[[Script, LayerInfo], Script | None]


def each_layer(place: Place, layers: list[LayerInfo], change: Change) -> Script | None:
    """The change at the line of each layer, a line in a loop once; None where one cannot be made."""
    script, done = place.script, set[int]()
    for layer in layers:
        line = place.line_of(layer.location)
        if line is None:
            return None
        if line in done:
            continue
        done.add(line)
        changed = change(script, layer)
        if changed is None:
            return None
        script = changed
    return script if done else None


def set_initializer(place: Place) -> Script | None:
    wanted = quoted(str(place.change.value or "glorot_uniform"))
    chosen = [
        layer
        for layer in place.fit.model.layers
        if place.change.target in ("model", layer.path) and "kernel_initializer" in layer.config
    ]

    def change(script: Script, layer: LayerInfo) -> Script | None:
        return at_layer(place, script, layer, "kernel_initializer", wanted)

    return each_layer(place, chosen, change)


def at_layer(
    place: Place, script: Script, layer: LayerInfo, keyword: str, value: str | None
) -> Script | None:
    call = layer_call(place, script, layer)
    return None if call is None else script.with_argument(call, keyword, value)


def set_units(place: Place) -> Script | None:
    layer = place.layer()
    call = None if layer is None else layer_call(place, place.script, layer)
    if call is None:
        return None
    return place.script.with_argument(call, "units", str(place.change.value), 0)


def set_regularizer(place: Place) -> Script | None:
    """No regularizer in any layer: that is what was tried."""
    layers = [layer for layer in place.fit.model.layers if any(map(layer.config.get, REGULARIZERS))]

    def change(script: Script, layer: LayerInfo) -> Script | None:
        changed: Script | None = None
        for keyword in REGULARIZERS:
            current = changed or script
            call = layer_call(place, current, layer)
            changed = (None if call is None else current.with_argument(call, keyword, None)) or changed
        return changed

    return each_layer(place, layers, change)


# -- what ``compile`` is given


def set_loss(place: Place) -> Script | None:
    return with_loss(place, place.script, place.change.target, quoted(str(place.change.value)))


def with_loss(place: Place, script: Script, output: str, wanted: str) -> Script | None:
    """Another loss in ``compile``; of several outputs in the place of that of ``output``, where losses are
    given one by one."""
    call = compile_call(replace(place, script=script))
    given = argument(call, "loss", 1)
    if call is None:
        return None
    if len(place.fit.model.outputs) < 2:
        return script.with_argument(call, "loss", wanted, 1)
    old = None if given is None else entry_of(given, place.fit, output)
    return None if old is None else script.replaced(old, cst.parse_expression(wanted))


def entry_of(given: cst.BaseExpression, fit: Fit, output: str) -> cst.BaseExpression | None:
    """Of what is given one by one for several outputs, as a dict or a list, that of ``output``."""
    outputs = fit.model.outputs
    number = next((at for at, each in enumerate(outputs) if output in names_of(each)), None)
    if number is None:
        return None
    if isinstance(given, cst.Dict):
        elements = [each for each in given.elements if isinstance(each, cst.DictElement)]
        keys = [key_in(each) for each in elements]
        named = zip(keys, elements, strict=True)
        return next((each.value for key, each in named if key in names_of(outputs[number])), None)
    if isinstance(given, cst.List | cst.Tuple) and len(given.elements) == len(outputs):
        return given.elements[number].value
    return None


def key_in(element: cst.DictElement) -> str | None:
    return str(element.key.evaluated_value) if isinstance(element.key, cst.SimpleString) else None


def names_of(output: OutputInfo) -> set[str]:
    """What an output may be called: its key, its name in the logs, the layers that make it."""
    logged = output.loss.logged.removesuffix("_loss") if output.loss is not None else ""
    return {name for name in (output.path, logged, output.head, output.activation_layer) if name}


def set_probabilities(place: Place) -> Script | None:
    """An activation that gives probabilities, and the cross-entropy that goes with it."""
    activation, layer = str(place.change.value), place.layer()
    loss = {"sigmoid": "binary_crossentropy", "softmax": "categorical_crossentropy"}.get(activation)
    changed = None if layer is None else with_activation(place, place.script, layer, activation)
    if changed is None or loss is None:
        return None
    return with_loss(place, changed, place.change.target, quoted(loss))


def compile_call(place: Place) -> cst.Call | None:
    line = place.line_of(place.fit.model.compile_location)
    found = place.script.calls_at(line, ("compile",)) if line is not None else []
    return found[0].node if found else None


def set_from_logits(place: Place) -> Script | None:
    """``from_logits`` in the loss that is constructed; a loss by its name becomes one that is."""
    given = argument(compile_call(place), "loss", 1)
    outputs = place.fit.model.outputs
    if given is not None and len(outputs) > 1:
        given = entry_of(given, place.fit, place.change.target)
    if given is None:
        return None
    if isinstance(given, cst.Call):
        return place.script.with_argument(given, "from_logits", str(bool(place.change.value)))
    wanted = [each for each in outputs if len(outputs) == 1 or place.change.target in names_of(each)]
    loss = next((output.loss for output in wanted if output.loss is not None), None)
    if loss is None:
        return None
    name = "".join(word.capitalize() for word in loss.name.split("_"))
    value = bool(place.change.value)
    return with_keras(
        place.script,
        lambda script, keras: with_loss(
            place, script, place.change.target, f"{keras}.losses.{name}(from_logits={value})"
        ),
    )


def set_learning_rate(place: Place) -> Script | None:
    return at_optimizer(place, "learning_rate", f"{place.change.value:g}", 0)


def set_clipnorm(place: Place) -> Script | None:
    return at_optimizer(place, "clipnorm", f"{place.change.value:g}")


def set_clipvalue(place: Place) -> Script | None:
    return at_optimizer(place, "clipvalue", f"{place.change.value:g}")


def set_epsilon(place: Place) -> Script | None:
    return at_optimizer(place, "epsilon", f"{place.change.value:g}")


def set_mask_zero(place: Place) -> Script | None:
    layer = place.layer()
    return None if layer is None else at_layer(place, place.script, layer, "mask_zero", "True")


def set_dropout(place: Place) -> Script | None:
    """In every dropout layer that drops more."""
    rate = place.change.value
    layers = [layer for layer in place.fit.model.layers if layer.type in DROPOUTS]
    if not isinstance(rate, float):
        return None
    dropping = [layer for layer in layers if (layer.config.get("rate") or 0.0) > rate]

    def change(script: Script, layer: LayerInfo) -> Script | None:
        call = layer_call(place, script, layer)
        return None if call is None else script.with_argument(call, "rate", f"{rate:g}", 0)

    return each_layer(place, dropping, change)


def set_weight_decay(place: Place) -> Script | None:
    value = f"{place.change.value:g}" if place.change.value else None
    return at_optimizer(place, "weight_decay", value)


def at_optimizer(place: Place, keyword: str, value: str | None, position: int | None = None) -> Script | None:
    """An argument of the optimizer, where it is made; one by its name in ``compile`` becomes one that is."""
    optimizer = place.fit.model.optimizer
    if optimizer is None:
        return None
    for location in (optimizer.location, place.fit.model.compile_location):
        line = place.line_of(location)
        for found in place.script.calls_at(line, (optimizer.type,)) if line is not None else ():
            return place.script.with_argument(found.node, keyword, value, position)
    call, kind = compile_call(place), optimizer.type
    at = None if call is None else argument_place(call.args, "optimizer", 0)
    named = call is None or at is None or isinstance(call.args[at].value, cst.SimpleString)
    if call is None or not named or value is None:
        return None
    return with_keras(
        place.script,
        lambda script, keras: script.with_argument(
            call, "optimizer", f"{keras}.optimizers.{kind}({keyword}={value})", 0
        ),
    )


def set_trainable(place: Place) -> Script | None:
    line = place.line_of(place.fit.model.compile_location)
    name = called_on(compile_call(place))
    if line is None or name is None:
        return None
    # A model's own flag frees none of the layers that were frozen one by one.
    each = f"for layer in {name}.layers:\n    layer.trainable = True\n"
    return place.script.with_statements_before(line, each)


# -- the data


def standardise_input(place: Place) -> Script | None:
    """A `Normalization` layer before the model, which knows the training rows: what is predicted later goes
    through it as well."""
    name = called_on(compile_call(place))
    given = argument(fit_call(place), "x", 0)
    line = place.line_of(place.fit.model.compile_location)
    if line is None or name is None or given is None or base_name(given) is None:
        return None
    if len(place.fit.info.data.inputs) != 1:
        return None
    x = cst.Module([]).code_for_node(given)
    return with_keras(
        place.script,
        lambda script, keras: script.with_statements_before(
            line,
            f"normalization = {keras}.layers.Normalization()\n",
            f"normalization.adapt({x})\n",
            f"{name} = {keras}.Sequential([normalization, {name}])\n",
        ),
    )


def scale_input(place: Place) -> Script | None:
    name = called_on(compile_call(place))
    line, factor = place.line_of(place.fit.model.compile_location), place.change.value
    if line is None or name is None or not isinstance(factor, float) or factor == 0:
        return None
    scale = f"1 / {1 / factor:g}" if abs(1 / factor - round(1 / factor)) < WHOLE else f"{factor:g}"
    return with_keras(
        place.script,
        lambda script, keras: script.with_statements_before(
            line, f"{name} = {keras}.Sequential([{keras}.layers.Rescaling({scale}), {name}])\n"
        ),
    )


def standardise_target(place: Place) -> Script | None:
    """The training's targets, and those of the validation by the same numbers."""
    line, given = place.line_of(place.fit.info.location), labels_given(place)
    if line is None or not given:
        return None
    y, name = given[0], re.sub(r"\W+", "_", given[0]).strip("_")
    return place.script.with_statements_before(
        line,
        f"{name}_mean, {name}_std = {y}.mean(axis=0), {y}.std(axis=0)\n",
        *(f"{each} = ({each} - {name}_mean) / {name}_std\n" for each in given),
    )


def shift_labels(place: Place) -> Script | None:
    """Labels that begin with another number than 0."""
    by = place.change.value
    if not isinstance(by, int | float):
        return None
    return with_labels(place, f"{{y}} + {by:g}" if by > 0 else f"{{y}} - {-by:g}")


def map_labels(place: Place) -> Script | None:
    """Labels -1 and 1, or numbers without a gap; of other values nobody knows which of them means what."""
    values = place.change.value
    if values == (-1, 1):
        return with_labels(place, "({y} + 1) / 2")
    numbers = [int(value) for value in values] if isinstance(values, tuple) else []
    if not numbers or not numbers[0] or values != tuple(range(numbers[0], numbers[0] + len(numbers))):
        return None
    return with_labels(place, f"{{y}} - {numbers[0]}" if numbers[0] > 0 else f"{{y}} + {-numbers[0]}")


def with_labels(place: Place, change: str) -> Script | None:
    """What is given to ``fit`` as labels, changed before it; that of the validation too."""
    line, given = place.line_of(place.fit.info.location), labels_given(place)
    if line is None or not given:
        return None
    return place.script.with_statements_before(
        line, *(f"{each} = {change.format(y=each)}\n" for each in given)
    )


def labels_given(place: Place) -> list[str]:
    """What is given to ``fit`` as labels, as it can be assigned to; then what is the validation's.

    Of several outputs that of the one that the change is for. Nothing where one of them cannot be told.
    """
    call = fit_call(place)
    validation = argument(call, "validation_data", None)
    parts = [argument(call, "y", 1)]
    if isinstance(validation, cst.Tuple) and len(validation.elements) > 1:
        parts.append(validation.elements[1].value)
    elif validation is not None:
        return []
    found = [None if part is None else assignable(place, part) for part in parts]
    return list(dict.fromkeys(each for each in found if each is not None)) if all(found) else []


def assignable(place: Place, given: cst.BaseExpression) -> str | None:
    """``y`` of ``y``; of several outputs ``price`` of ``{"price": price}``, or ``y["price"]`` of ``y``."""
    if len(place.fit.model.outputs) < 2:
        return base_name(given)
    target = place.change.target
    if isinstance(given, cst.Name) and not target.isdigit() and is_labels_key(place.fit, target):
        return f"{given.value}[{quoted(target)}]"
    entry = entry_of(given, place.fit, target)
    return entry.value if isinstance(entry, cst.Name) else None


def is_labels_key(fit: Fit, name: str) -> bool:
    """Whether labels came in a dict that has this key."""
    return any(labels.path == name for labels in fit.info.data.labels)


def base_name(given: cst.BaseExpression | None) -> str | None:
    """``y`` of ``y`` and of ``y[:100]``; None of anything else."""
    if isinstance(given, cst.Subscript):
        given = given.value
    return given.value if isinstance(given, cst.Name) else None


def set_class_weight(place: Place) -> Script | None:
    """Weights that are the inverse of each class's share, as numbers."""
    call, shares = fit_call(place), class_shares(sole_labels(place.fit))
    if call is None or place.change.value != "balanced" or not all(shares.values()):
        return None
    weights = (f"{name}: {1.0 / (len(shares) * share):.3g}" for name, share in sorted(shares.items()))
    return place.script.with_argument(call, "class_weight", f"{{{', '.join(weights)}}}") if shares else None


def shuffle_rows(place: Place) -> Script | None:
    call = fit_call(place)
    return None if call is None else place.script.with_argument(call, "shuffle", "True")


def fit_call(place: Place) -> cst.Call | None:
    line = place.line_of(place.fit.info.location)
    found = place.script.calls_at(line, ("fit",)) if line is not None else []
    return found[0].node if found else None


def argument(call: cst.Call | None, keyword: str, position: int | None) -> cst.BaseExpression | None:
    place = None if call is None else argument_place(call.args, keyword, position)
    return None if call is None or place is None else call.args[place].value


def called_on(call: cst.Call | None) -> str | None:
    """``model`` of ``model.compile(...)``, where that is a plain name."""
    if call is None or called_name(call) is None or not isinstance(call.func, cst.Attribute):
        return None
    return call.func.value.value if isinstance(call.func.value, cst.Name) else None


def quoted(text: str) -> str:
    return f'"{text}"'


EDITS: dict[InterventionKind, Callable[[Place], Script | None]] = {
    K.SET_ACTIVATION: set_activation,
    K.SET_HIDDEN_ACTIVATIONS: set_hidden_activations,
    K.SET_INITIALIZER: set_initializer,
    K.SET_PROBABILITIES: set_probabilities,
    K.SET_UNITS: set_units,
    K.SET_REGULARIZER: set_regularizer,
    K.SET_LOSS: set_loss,
    K.SET_FROM_LOGITS: set_from_logits,
    K.SET_LEARNING_RATE: set_learning_rate,
    K.SET_CLIPNORM: set_clipnorm,
    K.SET_CLIPVALUE: set_clipvalue,
    K.SET_EPSILON: set_epsilon,
    K.SET_MASK_ZERO: set_mask_zero,
    K.SET_DROPOUT: set_dropout,
    K.SET_WEIGHT_DECAY: set_weight_decay,
    K.SET_TRAINABLE: set_trainable,
    K.STANDARDISE_INPUT: standardise_input,
    K.SCALE_INPUT: scale_input,
    K.STANDARDISE_TARGET: standardise_target,
    K.SHIFT_LABELS: shift_labels,
    K.MAP_LABELS: map_labels,
    K.SHUFFLE_ROWS: shuffle_rows,
    K.SET_CLASS_WEIGHT: set_class_weight,
}
