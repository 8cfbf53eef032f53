"""Names and arguments that Keras 2 and TensorFlow 1 had, and the line of a script as it reads today."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from nanwatch.diagnose.patch import find_call, parse_line, span
from nanwatch.record.facts import Location, ScriptError

NESTED = r"((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)"  # the arguments of a call, with calls in them


@dataclass(frozen=True)
class Removal:
    """``old`` is gone, ``advice`` says what to write; ``line`` is the user's line with that."""

    old: str
    advice: str
    line: str | None = None
    library: str = ""  # from which it is gone, where that is not Keras
    at: Location | None = None  # where it stands, if not where the script died
    is_in_keras_2: bool = False  # ``--keras 2`` gives it


@dataclass(frozen=True)
class Name:
    """What stands for a name today: in words, and as edits of a line (pattern, replacement)."""

    advice: str
    edits: tuple[tuple[str, str], ...] = ()


# What `nanwatch run --keras 2` gives a script: what tf_keras has, and what is added to that.
IN_KERAS_2 = frozenset(
    {"fit_generator", "evaluate_generator", "predict_generator", "np_utils", "experimental"}
    | {"ImageDataGenerator", "utils.np_utils", "preprocessing.text", "backend.tensorflow_backend", "engine"}
    | {"lr", "decay", "period", "workers", "use_multiprocessing", "max_queue_size"}
)
OF_MODELS: dict[str, Name] = {
    "fit_generator": Name("fit takes generators and datasets itself", ((r"\bfit_generator\b", "fit"),)),
    "evaluate_generator": Name(
        "evaluate takes generators and datasets itself", ((r"\bevaluate_generator\b", "evaluate"),)
    ),
    "predict_generator": Name(
        "predict takes generators and datasets itself", ((r"\bpredict_generator\b", "predict"),)
    ),
    "predict_classes": Name(
        "Take the largest value of a row: np.argmax(model.predict(x), axis=-1), or for one unit "
        "model.predict(x) > 0.5",
        ((rf"([\w.]+)\.predict_classes\({NESTED}\)", r"np.argmax(\1.predict(\2), axis=-1)"),),
    ),
    "predict_proba": Name("predict gives the probabilities", ((r"\bpredict_proba\b", "predict"),)),
}
OPTIMIZERS = frozenset(
    {"Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lion", "LossScaleOptimizer"}
    | {"Nadam", "RMSprop", "SGD"}
)
# Of the modules of Keras and TensorFlow.
NAMES: dict[str, Name] = {
    "np_utils": Name(
        "to_categorical is in keras.utils itself",
        (
            (
                r"^from (tensorflow\.)?keras\.utils import np_utils$",
                r"from \1keras import utils as np_utils",  # the lines below it call it by that name
            ),
            (r"\bkeras\.utils\.np_utils\.", "keras.utils."),
            (r"\bnp_utils\.to_categorical\b", "keras.utils.to_categorical"),
        ),
    ),
    "CuDNNLSTM": Name("LSTM uses cuDNN by itself on a GPU", ((r"\bCuDNNLSTM\b", "LSTM"),)),
    "CuDNNGRU": Name("GRU uses cuDNN by itself on a GPU", ((r"\bCuDNNGRU\b", "GRU"),)),
    "merge": Name("Write layers.concatenate, layers.add or layers.multiply"),
    "experimental": Name(
        "The preprocessing layers are in keras.layers itself",
        ((r"\bexperimental\.preprocessing\.", ""),),
    ),
    "multi_gpu_model": Name("Make and compile the model under tf.distribute.MirroredStrategy().scope()"),
    "ImageDataGenerator": Name(
        "tensorflow.keras still has it; new code uses keras.utils.image_dataset_from_directory and layers "
        "such as RandomFlip",
        ((r"^from keras\.preprocessing\.image import", "from tensorflow.keras.preprocessing.image import"),),
    ),
    "set_random_seed": Name(
        "Write tf.random.set_seed", ((r"\btf\.set_random_seed\b", "tf.random.set_seed"),)
    ),
    "random_normal": Name("Write tf.random.normal", ((r"\btf\.random_normal\b", "tf.random.normal"),)),
    "log": Name("Write tf.math.log", ((r"\btf\.log\b", "tf.math.log"),)),
}
TENSORFLOW_1 = frozenset(
    {"Session", "InteractiveSession", "ConfigProto", "GPUOptions", "placeholder", "variable_scope"}
    | {"get_variable", "global_variables_initializer", "get_default_graph", "reset_default_graph"}
    | {"app", "contrib", "flags", "layers", "logging"}
)
MODULES: dict[str, Name] = {
    "utils.np_utils": Name("Import it from keras.utils", ((r"\bkeras\.utils\.np_utils\b", "keras.utils"),)),
    "preprocessing.text": Name(
        "Use keras.layers.TextVectorization; tensorflow.keras.preprocessing.text still has the Tokenizer",
        ((r"^from keras\.preprocessing\.text\b", "from tensorflow.keras.preprocessing.text"),),
    ),
    "wrappers.scikit_learn": Name(
        "Use scikeras (pip install scikeras)",
        ((r"\b(tensorflow\.)?keras\.wrappers\.scikit_learn\b", "scikeras.wrappers"),),
    ),
    "backend.tensorflow_backend": Name(
        "Import keras.backend", ((r"\bkeras\.backend\.tensorflow_backend\b", "keras.backend"),)
    ),
    "engine": Name("Import it from keras or keras.layers"),
}
LAYER_MODULES = frozenset(
    {"advanced_activations", "convolutional", "convolutional_recurrent", "core", "embeddings", "local"}
    | {"merge", "noise", "normalization", "pooling", "recurrent", "wrappers"}
)
# Arguments, of whichever call: Keras 1 had most of them.
ARGUMENTS = {
    "lr": "learning_rate",
    "nb_epoch": "epochs",
    "nb_classes": "num_classes",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "border_mode": "padding",
    "subsample": "strides",
    "dim_ordering": "data_format",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "batch_input_shape": "batch_shape",
    "input": "inputs",
    "output": "outputs",
}
FIRST = {"units": "output_dim", "rate": "p"}  # what was given first by a name that is gone
NO_MORE = {
    "workers": "give it to the keras.utils.PyDataset",
    "use_multiprocessing": "give it to the keras.utils.PyDataset",
    "max_queue_size": "give it to the keras.utils.PyDataset",
    "decay": "a rate that falls is a schedule, such as keras.optimizers.schedules.InverseTimeDecay",
    "sample_weight_mode": "weights of steps are found by their shape",
}
METRICS = {"acc": "accuracy", "val_acc": "val_accuracy"}

NO_ATTRIBUTE = re.compile(r"(?:module '([\w.]+)'|'(\w+)' object) has no attribute '(\w+)'")
NO_NAME = re.compile(r"cannot import name '(\w+)' from '((?:tensorflow\.)?keras[\w.]*)'")
NO_MODULE = re.compile(r"No module named '(?:tensorflow\.)?(?:python\.)?keras\.([\w.]+)'")
LEGACY = re.compile(r"`keras\.optimizers\.legacy` is not supported")
UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
UNRECOGNIZED = re.compile(
    r"(?:Argument\(s\) not recognized:|Unrecognized keyword arguments passed to \w+:) \{(.*)\}"
)
KEYS = re.compile(r"'(\w+)':")
MISSING = re.compile(r"missing 1 required positional argument: '(\w+)'")
WEIGHTS_FILE = re.compile(r"must end in `\.weights\.h5`")
ON_WORKERS = re.compile(r"Attempt to convert a value \(PerReplica:")
MONITOR = re.compile(
    r"received monitor=(acc|val_acc)\b|conditioned on metric `(acc|val_acc)` which is not available"
)
KEY = re.compile(r"^'(acc|val_acc)'$")
NO_GET = re.compile(r"'(ndarray|numpy\.ndarray|list|tuple)' object has no attribute 'get'")
# What Keras makes of metrics that it takes for the weights of losses: by what they were given as.
METRICS_AS_WEIGHTS = re.compile(
    r"dtype='string' is not a valid dtype for Keras type promotion"
    r"|Failed to convert elements of <\w+ name=\w+> to Tensor"
    r"|`loss_weights` must match the number of losses, got \d+ losses and \d+ weights"
    r"|Expected `loss_weights` argument to be a float .* Received instead: .* of type <class 'str'>",
    re.DOTALL,
)
POSITIONAL = re.compile(r"too many positional arguments|takes [01] positional arguments? but \d were given")


def removal_of(
    raised: ScriptError, models: Collection[str] = (), compiled: Collection[Location] = ()
) -> Removal | None:
    """The name or argument that the script died of; None where it is none of those known here.

    ``models`` are the classes of the script's own models, ``compiled`` the lines that compiled one.
    """
    line = raised.location.code if raised.location is not None else ""
    found = next(removals(raised, line, models), None)
    return found or next(positional_metrics(raised, compiled), None)


def removals(raised: ScriptError, line: str, models: Collection[str]) -> Iterator[Removal]:
    said = raised.message
    if found := LEGACY.search(said):
        yield Removal(
            "keras.optimizers.legacy",
            "The optimizers are in keras.optimizers itself",
            edited(line, ((r"\boptimizers\.legacy\b", "optimizers"),)),
            is_in_keras_2=True,
        )
    if found := NO_GET.search(said):
        yield from class_weights(line, found[1])
    if found := NO_ATTRIBUTE.search(said):
        yield from (
            of_module(found[1], found[3], line) if found[1] else of_object(found[2], found[3], line, models)
        )
    if found := NO_NAME.search(said):
        yield from of_table(NAMES, found[1], line)
    if found := NO_MODULE.search(said):
        yield from modules(found[1], line)
    if found := UNEXPECTED.search(said):
        yield from arguments([found[1]], line)
    if found := UNRECOGNIZED.search(said):
        yield from arguments(KEYS.findall(found[1]), line)
    if (found := MISSING.search(said)) and found[1] in FIRST:
        yield from (each for each in arguments([FIRST[found[1]]], line) if each.line is not None)
    if WEIGHTS_FILE.search(said):
        new = edited(line, ((r"(?:\.weights)?\.(?:h5|hdf5|ckpt|keras|tf)(?=[\"'])", ".weights.h5"),))
        advice = "The name of a weights file must end in .weights.h5"
        yield Removal("another ending than .weights.h5", advice, new, is_in_keras_2=True)
    if found := MONITOR.search(said):
        yield from (replace(each, is_in_keras_2=True) for each in metric(found[1] or found[2], line))
    if ON_WORKERS.search(said) and find_call(line, "fit") is not None:
        yield Removal(
            "fit under MultiWorkerMirroredStrategy",
            "Keras 3 trains several workers only in a loop of your own (strategy.run); Keras 2 "
            "(tf_keras) still does it by fit",
            is_in_keras_2=True,
        )
    if raised.type == "TypeError" and POSITIONAL.search(said):
        yield from positional_class_weight(line)


def positional_metrics(raised: ScriptError, compiled: Collection[Location]) -> Iterator[Removal]:
    """Metrics that ``compile`` was given third, where Keras 3 has the weights of the losses."""
    if not METRICS_AS_WEIGHTS.search(raised.message):
        return
    for at in filter(None, (raised.location, *compiled)):
        found = find_call(at.code, "compile")
        given = found[1].args if found is not None else []
        if found is None or len(given) < 3 or any(isinstance(each, ast.Starred) for each in given):
            continue
        if not may_be_metrics(given[2], raised.message):
            continue
        start, end = span(found[0], given[2])
        third = at.code[start:end]
        new = f"{at.code[:start]}metrics={at.code[start:]}" if len(given) == 3 and third else None
        advice = "The third argument is loss_weights today: name it, metrics="
        yield Removal("compile(optimizer, loss, metrics)", advice, parsed(new), at=at)


def may_be_metrics(given: ast.expr, said: str) -> bool:
    """By how they are written; too many weights are what they say they are."""
    parts = given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
    if any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts):
        return True
    return (
        any(isinstance(part, ast.Call | ast.Name | ast.Attribute) for part in parts) and "match" not in said
    )


def metric(old: str, line: str) -> Iterator[Removal]:
    """The accuracy as Keras called it before 2.3, where the metric was given as "accuracy"."""
    new = edited(line, ((rf"([\"']){old}\1", rf"\1{METRICS[old]}\1"),))
    yield Removal(
        f'"{old}"', f'Since metrics=["accuracy"] is logged by that name, write "{METRICS[old]}"', new
    )


def key_of_history(raised: ScriptError) -> str | None:
    """The accuracy's old name, where a dictionary was asked for it."""
    found = KEY.match(raised.message) if raised.type == "KeyError" else None
    return found[1] if found else None


def of_module(module: str, name: str, line: str) -> Iterator[Removal]:
    root = module.split(".")[0]
    if module.endswith("keras.backend") and name[:1].isupper():  # a class, which Keras 2 had not there either
        edits = ((rf"\b(?:K|backend|keras\.backend)\.{name}\b", f"keras.{name}"),)
        yield Removal(f"keras.backend.{name}", f"Write keras.{name}", edited(line, edits))
    elif module.endswith("keras.backend"):
        edits = ((rf"\b(?:K|backend|keras\.backend)\.{name}\b", f"keras.ops.{name}"),)
        advice = f"Most of keras.backend is in keras.ops: keras.ops.{name}"
        yield Removal(f"keras.backend.{name}", advice, edited(line, edits), is_in_keras_2=True)
    elif root == "tensorflow" and name.endswith("Optimizer"):
        new = f"tf.keras.optimizers.{name.removesuffix('Optimizer')}"
        edits = ((rf"\btf\.train\.{name}\b", new),)
        new_line = edited(line, edits)
        yield Removal(f"tf.train.{name}", "Take it from keras.optimizers", new_line, "TensorFlow 2")
    elif root == "tensorflow" and name in TENSORFLOW_1:
        advice = f"Write it again, or use tf.compat.v1.{name}"
        yield Removal(f"tf.{name}", advice, library="TensorFlow 2")
    elif root in ("keras", "tensorflow"):
        yield from of_table(NAMES, name, line)


def of_object(kind: str, name: str, line: str, models: Collection[str]) -> Iterator[Removal]:
    """Of a model or an optimizer: what else has no such attribute is no business of Keras's."""
    if name in OF_MODELS and kind in {"Sequential", "Functional", "Model", *models}:
        yield from of_table(OF_MODELS, name, line)
    if name == "lr" and kind in OPTIMIZERS:
        yield Removal(
            "lr of an optimizer",
            "Write learning_rate",
            edited(line, ((r"\.lr\b", ".learning_rate"),)),
            is_in_keras_2=True,
        )


def of_table(table: dict[str, Name], name: str, line: str) -> Iterator[Removal]:
    if name in table:
        new = edited(line, table[name].edits)
        yield Removal(name, table[name].advice, new, is_in_keras_2=name in IN_KERAS_2)


def modules(path: str, line: str) -> Iterator[Removal]:
    for name in MODULES:
        if path == name or path.startswith(f"{name}."):
            new = edited(line, MODULES[name].edits)
            yield Removal(f"keras.{path}", MODULES[name].advice, new, is_in_keras_2=name in IN_KERAS_2)
    parts = path.split(".")
    if parts[0] == "layers" and parts[-1] in LAYER_MODULES:
        edits = ((rf"\bkeras\.layers\.{parts[-1]}\b", "keras.layers"),)
        advice = "All layers are in keras.layers itself"
        yield Removal(f"keras.{path}", advice, edited(line, edits), is_in_keras_2=True)


def arguments(names: list[str], line: str) -> Iterator[Removal]:
    for name in names:
        found = argument(name)
        if found is not None:
            kept = name in IN_KERAS_2
            yield Removal(f"{name}=", found.advice, edited(line, found.edits), is_in_keras_2=kept)


def argument(name: str) -> Name | None:
    """What stands for an argument today."""
    if name in ARGUMENTS:
        new = ARGUMENTS[name]
        return Name(f"Write {new}=", ((rf"\b{name}\s*=(?!=)", f"{new}="),))
    if name in NO_MORE:
        return Name(f"Leave it out: {NO_MORE[name]}", ((rf",?\s*\b{name}\s*=\s*[^,()]+(?=[,)])", ""),))
    if name == "period":
        edits = ((r"\bperiod\s*=\s*[^,()]+", 'save_freq="epoch"'),)
        return Name('Write save_freq="epoch", or a number of batches', edits)
    return None


def class_weights(line: str, given: str) -> Iterator[Removal]:
    """Keras takes class weights from a dict alone."""
    found = find_call(line, "fit")
    value = (
        None if found is None else next((k.value for k in found[1].keywords if k.arg == "class_weight"), None)
    )
    if found is None or value is None:
        return
    start, end = span(found[0], value)
    new = (
        f"{line[:start]}dict(enumerate({line[start:end]})){line[end:]}"
        if 0 <= start < end <= len(line)
        else None
    )
    kind = "a list" if given == "list" else "an array"
    advice = "Give a dict: class_weight=dict(enumerate(weights))"
    yield Removal(f"class_weight as {kind}", advice, parsed(new), is_in_keras_2=True)


def positional_class_weight(line: str) -> Iterator[Removal]:
    found = find_call(line, "compute_class_weight")
    if found is None:
        return
    piece, call = found
    names = ("class_weight", "classes", "y")
    new: str | None = line
    for name, value in reversed(list(zip(names, call.args, strict=False))):
        start, end = span(piece, value)
        whole = new is not None and 0 <= start < end <= len(line) and not isinstance(value, ast.Starred)
        new = f"{new[:start]}{name}={new[start:]}" if whole and new is not None else None
    advice = 'Name its arguments: compute_class_weight(class_weight="balanced", classes=np.unique(y), y=y)'
    yield Removal(
        "compute_class_weight by position", advice, parsed(new), "scikit-learn 1", is_in_keras_2=True
    )


def edited(line: str, edits: tuple[tuple[str, str], ...]) -> str | None:
    """``line`` with the edits made, where they change it and Python still reads it."""
    new = line
    for pattern, replacement in edits:
        new = re.sub(pattern, replacement, new)
    return parsed(new) if new != line else None


def parsed(line: str | None) -> str | None:
    return line if line is not None and parse_line(line) is not None else None
