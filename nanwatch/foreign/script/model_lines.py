"""The heads of the models in a script: the last layer of each, with its units and its activation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from nanwatch.foreign.script.facts import Head
from nanwatch.foreign.script.names import Names, argument, last_word, statements
from nanwatch.foreign.script.source import Source

MODELS = {"Model", "Functional"}
# Behind these the layer before is still the head; what they do to it, they say themselves.
ACTIVATIONS = {
    "Activation": None,
    "Softmax": "softmax",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
}
PASSED = {"Reshape", "Flatten", "Lambda", "Dropout", "Permute"}
CONVOLUTIONS = {"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Convolution2D"}
WITH_UNITS = {"Dense", *CONVOLUTIONS, "LSTM", "GRU", "SimpleRNN"}
DEEPEST = 20


def heads_of(source: Source, names: Names) -> tuple[Head, ...]:
    """Of each model that the script builds; where none is recognised, of its last Dense."""
    reader = HeadReader(source, names)
    found = list(dict.fromkeys(head for head in reader.heads() if head is not None))
    if not found:
        dense = [call for call in names.calls if last_word(call.func) == "Dense"]
        last = max(dense, key=lambda call: call.lineno, default=None)
        found = [head] if last is not None and (head := reader.layer(last)) is not None else []
    return tuple(sorted(found, key=lambda head: (head.at.cell or 0, head.at.line)))


class HeadReader:
    def __init__(self, source: Source, names: Names) -> None:
        self.source = source
        self.names = names

    def heads(self) -> Iterator[Head | None]:
        yield from self.added()
        for call in self.names.calls:
            word = last_word(call.func)
            if word == "Sequential":
                yield self.of_list(argument(call, 0, "layers"), call.lineno)
            elif word in MODELS:
                outputs = argument(call, 1, "outputs", "output")
                yield from (self.of_tensor(each, call.lineno) for each in self.each_of(outputs, call.lineno))
        yield from self.called()

    def added(self) -> Iterator[Head | None]:
        """``model.add(...)``, the last of each model."""
        for number, scope in enumerate(self.names.scopes):
            layers: dict[str, list[ast.expr]] = {}
            for each in statements(scope.body):
                call = each.value if isinstance(each, ast.Expr) else None
                if isinstance(call, ast.Call) and last_word(call.func) == "add" and call.args:
                    model = ast.unparse(call.func)
                    layers.setdefault(model, []).append(call.args[0])
                for name in begun(each):  # another model by the same name
                    done = layers.pop(f"{name}.add", None)
                    if done:
                        yield self.of_layers(done, number)
            for found in layers.values():
                yield self.of_layers(found, number)

    def of_layers(self, layers: list[ast.expr], scope: int) -> Head | None:
        """The head of a stack of layers: the last with units, and what is put upon it."""
        activation: str | None = None
        for layer in reversed(layers):
            call = self.names.meaning(layer, layer.lineno)
            if not isinstance(call, ast.Call):
                return None
            word = last_word(call.func)
            if word in ACTIVATIONS:
                activation = activation or self.activation_of(call, layer.lineno)
            elif word not in PASSED:
                return self.with_activation(self.layer(call), activation)
        return None

    def of_list(self, layers: ast.expr | None, line: int) -> Head | None:
        found = self.names.meaning(layers, line)
        if not isinstance(found, ast.List | ast.Tuple) or not found.elts:
            return None
        return self.of_layers(list(found.elts), 0)

    def each_of(self, outputs: ast.expr | None, line: int) -> list[ast.expr]:
        found = self.names.meaning(outputs, line)
        if isinstance(found, ast.List | ast.Tuple):
            return list(found.elts)
        if isinstance(found, ast.Dict):
            return list(found.values)
        return [] if outputs is None else [outputs]

    def of_tensor(self, tensor: ast.expr | None, line: int, depth: int = DEEPEST) -> Head | None:
        """``Dense(2, activation="relu")(x)``, or a name that stands for it."""
        call = self.names.meaning(tensor, line)
        if not isinstance(call, ast.Call) or not depth:
            return None
        layer = self.names.meaning(call.func, call.lineno)
        if not isinstance(layer, ast.Call):
            return None
        word = last_word(layer.func)
        before = call.args[0] if call.args else None
        if word in ACTIVATIONS:
            head = self.of_tensor(before, call.lineno, depth - 1)
            return self.with_activation(head, self.activation_of(layer, layer.lineno))
        if word in PASSED:
            return self.of_tensor(before, call.lineno, depth - 1)
        if word == "Sequential":
            return self.of_list(argument(layer, 0, "layers"), layer.lineno)
        return self.layer(layer)

    def called(self) -> Iterator[Head | None]:
        """``return self.head(x)`` in the ``call`` of a model of the script's own."""
        for scope in self.names.scopes:
            if isinstance(scope, ast.Module) or scope.name != "call":
                continue
            for each in statements(scope.body):
                if isinstance(each, ast.Return):
                    found = self.of_tensor(each.value, each.lineno)
                    if found is not None and found.layer == "Dense":
                        yield found

    def layer(self, call: ast.Call) -> Head | None:
        """A layer with units as a head; another is none that is known."""
        word = last_word(call.func)
        if word not in WITH_UNITS:
            return None
        units = self.names.number(argument(call, 0, "units", "filters", "output_dim"), call.lineno)
        place = None if word in CONVOLUTIONS else 1
        given = argument(call, place, "activation")
        default = "tanh" if word in ("LSTM", "GRU", "SimpleRNN") else "linear"
        activation = default if given is None else self.spelled(given, call.lineno)
        return Head(self.source.line(call), word, None if units is None else int(units), activation)

    def activation_of(self, call: ast.Call, line: int) -> str | None:
        fixed = ACTIVATIONS[last_word(call.func)]
        return fixed or self.spelled(argument(call, 0, "activation"), line)

    def spelled(self, node: ast.expr | None, line: int) -> str | None:
        if isinstance(node, ast.Constant) and node.value is None:
            return "linear"
        found = self.names.meaning(node, line)
        if isinstance(found, ast.Call):  # activation=LeakyReLU(0.1)
            return ACTIVATIONS.get(last_word(found.func))
        word = self.names.word(node, line)
        return None if word is None else word.lower()

    def with_activation(self, head: Head | None, activation: str | None) -> Head | None:
        if head is None or activation is None or head.activation not in ("linear", None):
            return head
        return replace(head, activation=activation)


def begun(statement: ast.stmt) -> Iterator[str]:
    """The names to which ``statement`` gives a new ``Sequential``."""
    value = statement.value if isinstance(statement, ast.Assign) else None
    if isinstance(value, ast.Call) and last_word(value.func) == "Sequential":
        yield from (ast.unparse(target) for target in getattr(statement, "targets", []))
