"""What Keras 3.15 and TensorFlow 2.21 were seen to say of old names, and the lines as they read today."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.engine import diagnose
from nanwatch.diagnose.removed_api import removal_of
from nanwatch.diagnose.rules import nw608_removed_api as nw608
from nanwatch.record.facts import ScriptError

UTILS = "(/env/lib/python3.11/site-packages/keras/utils/__init__.py)"
WEIGHTS = "ValueError: `loss_weights` must match the number of losses, got 1 losses and 2 weights."
CASES = [
    (
        "ValueError: Expected `loss_weights` argument to be a float (single output case) or a list, tuple, "
        "or dict (multiple output case). Received instead: loss_weights=accuracy of type <class 'str'>",
        'model.compile("adam", "mse", "accuracy")',
        'model.compile("adam", "mse", metrics="accuracy")',
    ),
    (WEIGHTS, 'm.compile("sgd", "mse", ["mae", "mape"])', 'm.compile("sgd", "mse", metrics=["mae", "mape"])'),
    (
        "TypeError: Failed to convert elements of <BinaryAccuracy name=binary_accuracy> to Tensor.",
        "model.compile(Adam(1e-3), loss, [BinaryAccuracy()])",
        "model.compile(Adam(1e-3), loss, metrics=[BinaryAccuracy()])",
    ),
    (
        "AttributeError: 'Functional' object has no attribute 'fit_generator'",
        "history = model.fit_generator(train, steps_per_epoch=10,",
        "history = model.fit(train, steps_per_epoch=10,",
    ),
    (
        "AttributeError: 'Sequential' object has no attribute 'predict_classes'",
        "y = model.predict_classes(scale(x), verbose=0)",
        "y = np.argmax(model.predict(scale(x), verbose=0), axis=-1)",
    ),
    (
        "ValueError: Argument(s) not recognized: {'lr': 0.0001}",
        "model.compile(optimizer=optimizers.RMSprop(lr=1e-4),",
        "model.compile(optimizer=optimizers.RMSprop(learning_rate=1e-4),",
    ),
    (
        "AttributeError: 'Adam' object has no attribute 'lr'",
        "print(model.optimizer.lr)",
        "print(model.optimizer.learning_rate)",
    ),
    (
        f"ImportError: cannot import name 'np_utils' from 'keras.utils' {UTILS}",
        "from keras.utils import np_utils",
        "from keras import utils as np_utils",
    ),
    (
        "ModuleNotFoundError: No module named 'keras.utils.np_utils'",
        "from keras.utils.np_utils import to_categorical",
        "from keras.utils import to_categorical",
    ),
    (
        "ModuleNotFoundError: No module named 'tensorflow.keras.layers.core'",
        "from tensorflow.keras.layers.core import Dense",
        "from tensorflow.keras.layers import Dense",
    ),
    (
        "ModuleNotFoundError: No module named 'keras.wrappers.scikit_learn'",
        "from keras.wrappers.scikit_learn import KerasClassifier",
        "from scikeras.wrappers import KerasClassifier",
    ),
    (
        "AttributeError: module 'keras.backend' has no attribute 'mean'",
        "return K.mean(K.square(a - b))",
        "return keras.ops.mean(K.square(a - b))",
    ),
    (
        "TypeError: TensorFlowTrainer.fit() got an unexpected keyword argument 'nb_epoch'",
        "model.fit(x, y, nb_epoch=20)",
        "model.fit(x, y, epochs=20)",
    ),
    (
        "TypeError: TensorFlowTrainer.fit() got an unexpected keyword argument 'workers'",
        "model.fit(x, y, workers=4, epochs=2)",
        "model.fit(x, y, epochs=2)",
    ),
    (
        "TypeError: ModelCheckpoint.__init__() got an unexpected keyword argument 'period'",
        'ModelCheckpoint("best.keras", period=5)',
        'ModelCheckpoint("best.keras", save_freq="epoch")',
    ),
    (
        "ValueError: The filename must end in `.weights.h5`. Received: filepath=last.h5",
        'model.save_weights("last.h5")',
        'model.save_weights("last.weights.h5")',
    ),
    (
        "ValueError: Unrecognized keyword arguments passed to Model: {'input': [<KerasTensor>], 'output': 3}",
        "model = Model(input=a, outputs=b)",
        "model = Model(inputs=a, outputs=b)",
    ),
    (
        "ValueError: EarlyStopping callback received monitor=val_acc, but Keras isn't able to",
        'model.fit(x, y, callbacks=[EarlyStopping(monitor="val_acc")])',
        'model.fit(x, y, callbacks=[EarlyStopping(monitor="val_accuracy")])',
    ),
    (
        "TypeError: too many positional arguments",
        "weights = class_weight.compute_class_weight('balanced', np.unique(y), y)",
        "weights = class_weight.compute_class_weight(class_weight='balanced', classes=np.unique(y), y=y)",
    ),
    (
        "AttributeError: 'numpy.ndarray' object has no attribute 'get'",
        "model.fit(x, y, class_weight=weights, epochs=3)",
        "model.fit(x, y, class_weight=dict(enumerate(weights)), epochs=3)",
    ),
    (
        "TypeError: to_categorical() got an unexpected keyword argument 'nb_classes'",
        "y = to_categorical(y, nb_classes=10)",
        "y = to_categorical(y, num_classes=10)",
    ),
    (
        "ValueError: Unrecognized keyword arguments passed to Conv2D: {'border_mode': 'same'}",
        'model.add(Convolution2D(32, 3, border_mode="same"))',
        'model.add(Convolution2D(32, 3, padding="same"))',
    ),
    (
        "TypeError: Dense.__init__() missing 1 required positional argument: 'units'",
        "model.add(Dense(output_dim=10))",
        "model.add(Dense(units=10))",
    ),
    (
        "AttributeError: module 'keras.layers' has no attribute 'CuDNNLSTM'",
        "model.add(layers.CuDNNLSTM(32))",
        "model.add(layers.LSTM(32))",
    ),
    (
        "ImportError: `keras.optimizers.legacy` is not supported in Keras 3. When using `tf.keras`,",
        "opt = keras.optimizers.legacy.Adam(1e-3)",
        "opt = keras.optimizers.Adam(1e-3)",
    ),
    (
        "AttributeError: module 'tensorflow._api.v2.train' has no attribute 'AdamOptimizer'",
        "model.compile(tf.train.AdamOptimizer(), 'mse')",
        "model.compile(tf.keras.optimizers.Adam(), 'mse')",
    ),
    ("AttributeError: module 'tensorflow' has no attribute 'Session'", "with tf.Session() as s:", None),
    ("AttributeError: module 'keras.layers' has no attribute 'merge'", "layers.merge([a, b])", None),
]


def error(said: str, line: str) -> ScriptError:
    kind, _, message = said.partition(": ")
    return ScriptError(kind, message, made_up.line(3, line))


@pytest.mark.parametrize(("said", "line", "today"), CASES, ids=[line for _, line, _ in CASES])
def test_the_line_as_it_reads_today(said: str, line: str, today: str | None) -> None:
    found = removal_of(error(said, line))
    assert found is not None
    assert found.line == today


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("AttributeError: 'Batches' object has no attribute 'fit_on'", "batches.fit_on(x)"),
        ("TypeError: train() got an unexpected keyword argument 'epochs'", "train(epochs=3)"),
        ("TypeError: too many positional arguments", "run(1, 2)"),
        ("ModuleNotFoundError: No module named 'sklearn.layers.core'", "from sklearn.layers.core import x"),
        ("ModuleNotFoundError: No module named 'keras_tuner'", "import keras_tuner"),
        ("AttributeError: module 'pandas' has no attribute 'log'", "pandas.log(1)"),
        ("AttributeError: 'Namespace' object has no attribute 'lr'", "Adam(args.lr)"),
        ("AttributeError: 'SVC' object has no attribute 'predict_proba'", "svc.predict_proba(x)"),
        ("AttributeError: 'dict' object has no attribute 'merge'", "options.merge(a)"),
        ("AttributeError: 'list' object has no attribute 'get'", "options.get(1)"),
        ("ValueError: Unrecognized keyword arguments passed to Dense: {'unit': 3}", "Dense(unit=3)"),
        ("KeyError: 'val_acc'", 'table["val_acc"]'),
    ],
)
def test_what_was_never_there_is_none(said: str, line: str) -> None:
    assert removal_of(error(said, line)) is None


def test_a_script_that_trains_nothing_has_its_cause() -> None:
    run = nw608.raised_run("ValueError", "Argument(s) not recognized: {'lr': 0.1}", "opt = Adam(lr=0.1)")
    found = diagnose(run)
    (first,) = found.diagnoses
    assert (found.outcome, first.code, first.part, first.level, first.fit) == (
        "crashed", "NW608", "cause", "error", -1
    )  # fmt: skip
    assert first.message == "lr= no longer exists in Keras 3. Write learning_rate=."
    assert first.location is not None
    assert first.location.line == 3
    assert first.remedies[0].line == "opt = Adam(learning_rate=0.1)"


AS_DTYPE = "dtype='string' is not a valid dtype for Keras type promotion."


@pytest.mark.parametrize(
    ("code", "new"),
    [
        ('model.compile(opt, "mse", ["mae"])', 'model.compile(opt, "mse", metrics=["mae"])'),
        ('model.compile(opt, "mse", [name])', 'model.compile(opt, "mse", metrics=[name])'),
        ('model.compile(opt, "mse", ["mae"], [1.0])', None),  # what was fourth is another today, too
    ],
)
def test_metrics_by_position_are_told_at_compile(code: str, new: str | None) -> None:
    raised = ScriptError("ValueError", AS_DTYPE, made_up.line(9, "model.fit(x, y)"))
    found = removal_of(raised, compiled=[made_up.line(3, "other.compile()"), made_up.line(7, code)])
    assert found is not None
    assert (found.line, found.at) == (new, made_up.line(7, code))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (AS_DTYPE, 'model.compile(opt, "mse")'),
        (AS_DTYPE, "model.compile(*given)"),
        (WEIGHTS.removeprefix("ValueError: "), 'model.compile(opt, "mse", [1.0, 2.0])'),
        (WEIGHTS.removeprefix("ValueError: "), 'model.compile(opt, "mse", weights)'),
        ("the metric is bad", 'model.compile(opt, "mse", ["mae"])'),
    ],
)
def test_weights_of_losses_are_no_metrics(message: str, code: str) -> None:
    raised = ScriptError("ValueError", message, made_up.line(9, "model.fit(x, y)"))
    assert removal_of(raised, compiled=[made_up.line(7, code)]) is None


OF_THE_POSTS = [
    ("ValueError: Argument(s) not recognized: {'lr': 0.0001}", "keras.optimizers.Adam(lr=0.0001)"),
    ("AttributeError: 'Functional' object has no attribute 'fit_generator'", "model.fit_generator("),
    ("TypeError: too many positional arguments", "w = compute_class_weight('balanced', np.unique(y), y)"),
    ("AttributeError: 'numpy.ndarray' object has no attribute 'get'", "model.fit(x, y, class_weight=w)"),
    ("ValueError: EarlyStopping callback received monitor=val_acc, but", "EarlyStopping(monitor='val_acc')"),
    (
        f"ImportError: cannot import name 'np_utils' from 'keras.utils' {UTILS}",
        "from keras.utils import np_utils",
    ),
    ("ValueError: Argument(s) not recognized: {'decay': 1e-06}", "opt = SGD(0.01, decay=1e-6, momentum=0.9)"),
]


@pytest.mark.parametrize(("said", "line"), OF_THE_POSTS, ids=[line for _, line in OF_THE_POSTS])
def test_what_keras_2_has_is_told(said: str, line: str) -> None:
    kind, _, message = said.partition(": ")
    (found,) = nw608.RemovedApi().diagnose_script(nw608.raised_run(kind, message, line))
    assert found.evidence[-1] == "With --keras 2 (tf_keras) the line can stay as it is."
    run = nw608.raised_run(kind, message, line)
    (found,) = nw608.RemovedApi().diagnose_script(replace(run, info=replace(run.info, keras_2=True)))
    assert len(found.evidence) == 1


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("AttributeError: 'Sequential' object has no attribute 'predict_classes'", "m.predict_classes(x)"),
        ("TypeError: fit() got an unexpected keyword argument 'nb_epoch'", "m.fit(x, y, nb_epoch=2)"),
        ("AttributeError: module 'tensorflow' has no attribute 'Session'", "with tf.Session() as s:"),
        (
            "ModuleNotFoundError: No module named 'keras.wrappers.scikit_learn'",
            "import keras.wrappers.scikit_learn",
        ),
    ],
)
def test_what_keras_2_has_no_more_either(said: str, line: str) -> None:
    found = removal_of(error(said, line))
    assert found is not None
    assert not found.is_in_keras_2


def test_a_rate_that_falls_is_left_out() -> None:
    found = removal_of(error("ValueError: Argument(s) not recognized: {'decay': 1}", "SGD(0.1, decay=1e-6)"))
    assert found is not None
    assert found.line == "SGD(0.1)"


@pytest.mark.parametrize(
    ("code", "said"),
    [("h = model.fit(rows, epochs=3)", True), ("loss = strategy.reduce('SUM', losses)", False)],
)
def test_a_fit_of_several_workers(code: str, said: bool) -> None:
    """By hand a value of each replica may be given to what takes one alone: that is another fault."""
    message = (
        "Attempt to convert a value (PerReplica:{\n  0: <tf.Tensor: shape=(16, 8)>}) with an unsupported type"
    )
    found = removal_of(ScriptError("ValueError", message, made_up.line(9, code)))
    assert (found is not None and found.is_in_keras_2) == said


def test_a_class_of_the_backend_stands_in_keras_itself() -> None:
    """As in scripts of keras_core, from before Keras 3: neither keras.ops nor Keras 2 has it."""
    message = "module 'keras.backend' has no attribute 'Variable'"
    line = made_up.line(9, 'self.w = backend.Variable(w, name="kernel")')
    found = removal_of(ScriptError("AttributeError", message, line))
    assert found is not None
    assert found.line == 'self.w = keras.Variable(w, name="kernel")'
    assert not found.is_in_keras_2
