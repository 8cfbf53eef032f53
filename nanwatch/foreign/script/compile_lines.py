"""The losses and optimizers that a script gives to ``compile``, or makes for a loop of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nanwatch.foreign.script.facts import Loss, Optimizer
from nanwatch.foreign.script.names import Names, argument, dotted, last_word
from nanwatch.foreign.script.source import Source

SHORT = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
}
KNOWN = {
    *SHORT.values(),
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "poisson",
    "huber",
    "log_cosh",
    "hinge",
    "squared_hinge",
    "categorical_hinge",
    "cosine_similarity",
}
OPTIMIZERS = {"sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "ftrl", "lion"}
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def loss_name(word: str) -> str:
    """``binary_crossentropy`` of ``BinaryCrossentropy``, and of ``bce``."""
    plain = CAMEL.sub("_", word).lower()
    return SHORT.get(plain, plain)


def losses_of(source: Source, names: Names) -> tuple[Loss, ...]:
    found: list[Loss] = []
    for call in names.calls:
        word = last_word(call.func)
        if word == "compile":
            given = argument(call, 1, "loss")
            inner = given.values if isinstance(given, ast.Dict) else getattr(given, "elts", [given])
            found += [loss for each in inner if (loss := read_loss(source, names, each, call)) is not None]
        elif loss_name(word) in KNOWN and "loss" in dotted(call.func):
            found.append(as_loss(source, call, word, names))  # keras.losses.MeanSquaredError(), for a loop
    return tuple(dict.fromkeys(found))


def read_loss(source: Source, names: Names, node: ast.expr | None, call: ast.Call) -> Loss | None:
    if node is None:
        return None
    found = names.meaning(node, call.lineno)
    if isinstance(found, ast.Call):
        word = last_word(found.func)
        if loss_name(word) in KNOWN:
            return as_loss(source, found, word, names)
        return Loss(source.line(node), word, own=True) if word else None
    word = names.word(node, call.lineno) or ""
    if not word:
        return Loss(source.line(node), "", own=True) if isinstance(found, ast.Lambda) else None
    name = loss_name(word)
    return Loss(source.line(node), name if name in KNOWN else word, own=name not in KNOWN)


def as_loss(source: Source, call: ast.Call, word: str, names: Names) -> Loss:
    given = argument(call, 0, "from_logits")
    logits = isinstance(given, ast.Constant) and given.value is True
    return Loss(source.line(call), loss_name(word), logits)


def optimizers_of(source: Source, names: Names) -> tuple[Optimizer, ...]:
    return tuple(dict.fromkeys(each_optimizer(source, names)))


def each_optimizer(source: Source, names: Names) -> Iterator[Optimizer]:
    for call in names.calls:
        word = last_word(call.func)
        if word.lower() in OPTIMIZERS:
            rate = names.number(argument(call, 0, "learning_rate", "lr"), call.lineno)
            yield Optimizer(source.line(call), word, rate)
        elif word == "compile":
            given = argument(call, 0, "optimizer")
            found = names.meaning(given, call.lineno)
            if given is not None and isinstance(found, ast.Constant) and isinstance(found.value, str):
                yield Optimizer(source.line(given), found.value, None)
