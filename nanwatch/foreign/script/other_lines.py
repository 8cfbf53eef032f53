"""What else in a script may be behind a training that goes wrong: data, layers, arithmetic of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nanwatch.foreign.script.facts import Mark
from nanwatch.foreign.script.names import Names, argument, last_word
from nanwatch.foreign.script.source import Source

RECURRENT = {"LSTM", "GRU", "SimpleRNN"}
UNBOUNDED = {"relu", "linear", "elu", "selu", "leaky_relu", "exponential", "softplus"}
IMAGES = {
    "ImageDataGenerator",
    "image_dataset_from_directory",
    "flow_from_directory",
    "imread",
    "decode_jpeg",
}
IMAGES |= {"decode_image", "decode_png", "load_img"}
IMAGE_SETS = re.compile(r"\b(?:fashion_mnist|mnist|cifar100?|cifar10)\.load_data$")
TABLES = {"read_csv", "read_excel", "read_table", "read_parquet"}
# Names that say that something is done about the scale of the data.
SCALERS = {"Rescaling", "Normalization", "StandardScaler", "MinMaxScaler", "RobustScaler", "preprocess_input"}
SCALERS |= {
    "normalize",
    "ToTensor",
    "per_image_standardization",
    "convert_image_dtype",
    "scale",
    "MaxAbsScaler",
}
GAPS = {"dropna", "fillna", "isnan", "isnull", "isna", "SimpleImputer", "nan_to_num", "interpolate"}
BYTE = {255.0, 127.5, 256.0}
ZEROS = {"zeros", "Zeros", "ones", "Ones", "constant", "Constant"}
HIGH_DROPOUT = 0.8
OWN_OPS = {"log", "sqrt", "exp", "divide", "div", "norm", "pow", "log1p", "acos", "rsqrt"}
BACKENDS = {"K", "backend", "tf", "math", "ops", "keras", "tensorflow", "linalg", "k"}
# Names beside an op that say that somebody has thought of its edge.
GUARDS = re.compile(
    r"eps|clip|maximum|relu|softplus|stable|divide_no_nan|1e-|where|safe|logits", re.IGNORECASE
)
SIGMOIDS = {"sigmoid", "tanh"}


def marks_of(source: Source, names: Names) -> tuple[Mark, ...]:
    reader = MarkReader(source, names)
    found = [*reader.of_calls(), *reader.of_data(), *reader.own_ops(), *reader.of_values()]
    return tuple(dict.fromkeys(found))


class MarkReader:
    def __init__(self, source: Source, names: Names) -> None:
        self.source = source
        self.names = names
        self.words = {last_word(call.func) for call in names.calls}

    def of_calls(self) -> Iterator[Mark]:
        for call in self.names.calls:
            yield from self.of_call(call, last_word(call.func))
        hidden = [call for call in self.names.calls if self.is_sigmoid_layer(call)]
        if len(hidden) >= 3:  # the last is the head, more often than not
            yield Mark(self.source.line(hidden[0]), "sigmoid-layers", number=float(len(hidden)))

    def of_call(self, call: ast.Call, word: str) -> Iterator[Mark]:
        at = self.source.line(call)
        mode = argument(call, None, "class_mode", "label_mode")
        if mode is not None and (value := self.names.word(mode, call.lineno)):
            yield Mark(self.source.line(mode), "class-mode", value)
        if word in ("to_categorical", "one_hot", "get_dummies", "OneHotEncoder", "LabelBinarizer"):
            yield Mark(at, "one-hot")
        activation = self.names.word(argument(call, 1, "activation"), call.lineno)
        if word in RECURRENT and activation in UNBOUNDED:
            yield Mark(at, "recurrent-activation", activation or "")
        if word == "Dropout":
            rate = self.names.number(argument(call, 0, "rate", "p"), call.lineno)
            if rate is not None and HIGH_DROPOUT <= rate < 1:
                yield Mark(at, "dropout", number=rate)
        initializer = argument(call, None, "kernel_initializer", "init")
        if initializer is not None and self.initializer(initializer, call.lineno) in ZEROS:
            yield Mark(self.source.line(initializer), "zero-weights")
        if word == "fit" or word == "fit_generator":
            yield from self.of_fit(call)
        if any(keyword.arg in ("clipnorm", "clipvalue", "global_clipnorm") for keyword in call.keywords):
            yield Mark(at, "clipping")
        given = self.names.word(call.args[0], call.lineno) if call.args else None
        sets_precision = word in ("set_global_policy", "set_policy", "set_dtype_policy", "set_floatx")
        if sets_precision and given and "float16" in given and "bfloat16" not in given:
            yield Mark(at, "half-precision", given)

    def of_fit(self, call: ast.Call) -> Iterator[Mark]:
        for keyword in call.keywords:
            at = self.source.line(keyword.value)
            if keyword.arg == "validation_split":
                yield Mark(at, "validation-tail")
            elif keyword.arg == "class_weight" and not is_none(keyword.value):
                yield Mark(at, "class-weight")
            elif keyword.arg == "shuffle" and is_false(keyword.value):
                yield Mark(at, "no-shuffle")

    def initializer(self, node: ast.expr, line: int) -> str:
        found = self.names.meaning(node, line)
        return last_word(found.func) if isinstance(found, ast.Call) else (self.names.word(node, line) or "")

    def is_sigmoid_layer(self, call: ast.Call) -> bool:
        given = argument(call, 1, "activation") if last_word(call.func) == "Dense" else None
        return given is not None and self.names.word(given, call.lineno) in SIGMOIDS

    def of_data(self) -> Iterator[Mark]:
        """Whether images are left at 0 to 255, and whether gaps are left in a table."""
        scaled = next(self.scalings(), None)
        if scaled is not None:
            yield scaled
        for call in self.names.calls:
            word = last_word(call.func)
            of_images = word in IMAGES or IMAGE_SETS.search(ast.unparse(call.func)) is not None
            if scaled is None and of_images:
                yield Mark(self.source.line(call), "pixels")
            if word in TABLES and not self.words & GAPS:
                yield Mark(self.source.line(call), "gaps")

    def scalings(self) -> Iterator[Mark]:
        for call in self.names.calls:
            rescale = argument(
                call, None, "rescale", "featurewise_std_normalization", "preprocessing_function"
            )
            scales = rescale is not None and not is_none(rescale) and not is_false(rescale)
            if last_word(call.func) in SCALERS or scales:
                yield Mark(self.source.line(call), "scaling")
        for node in ast.walk(self.source.tree):
            right = node.right if isinstance(node, ast.BinOp) else None
            right = node.value if isinstance(node, ast.AugAssign) else right
            if right is not None and isinstance(getattr(node, "op", None), ast.Div | ast.Mult):
                value = self.names.number(right, right.lineno)
                if (
                    (value is not None and (value in BYTE or abs(value - 1 / 255) < 1e-6))
                    or "std" in ast.unparse(right)
                    or "max" in ast.unparse(right)
                ):
                    yield Mark(self.source.line(node), "scaling")

    def of_values(self) -> Iterator[Mark]:
        """Divisions by a standard deviation, and layers that are frozen."""
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
                below = ast.unparse(node.right if isinstance(node, ast.BinOp) else node.value)
                if re.search(r"\bstd\b|\.std\(|_std\b", below) and not GUARDS.search(below):
                    yield Mark(self.source.line(node), "std-division")
            elif isinstance(node, ast.Assign) and is_false(node.value) and sets_trainable(node):
                yield Mark(self.source.line(node), "frozen")

    def own_ops(self) -> Iterator[Mark]:
        """Logarithms, roots and quotients of tensors in functions of the script's own, with no guard."""
        for scope in self.names.scopes[1:]:
            inner = [node for each in scope.body for node in ast.walk(each)]
            tensors = any(isinstance(each, ast.Name) and each.id in BACKENDS for each in inner)
            for node in inner if tensors else []:
                op = self.op_of(node)
                if op and not GUARDS.search(ast.unparse(node)):
                    yield Mark(self.source.line(node), "own-op", op)

    def op_of(self, node: ast.AST) -> str:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_backend = ast.unparse(node.func.value).split(".")[-1] in BACKENDS
            return node.func.attr if of_backend and node.func.attr in OWN_OPS else ""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            is_constant = self.names.number(node.right, node.lineno) is not None
            is_count = re.search(r"len\(|shape|size|cast|batch|std\b|steps|\bn\b", ast.unparse(node.right))
            return "" if is_constant or is_count else "divide"
        return ""


def sets_trainable(node: ast.Assign) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr == "trainable" for each in node.targets)


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
