import pytest

from nanwatch.diagnose.patch import set_activation, set_argument


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('Dense(2, activation="relu")', 'Dense(2, activation="softmax")'),
        ("Dense(2, activation='relu')", "Dense(2, activation='softmax')"),
        ("model.add(Dense(2, 'relu'))", "model.add(Dense(2, 'softmax'))"),
        ("x = layers.Dense(2, activation=tf.nn.relu)(x)", "x = layers.Dense(2, activation=tf.nn.softmax)(x)"),
        ("Dense(3, activation=relu)(x)", 'Dense(3, activation="softmax")(x)'),
        ("Dense(3, activation=chosen)(x)", 'Dense(3, activation="softmax")(x)'),
        ('    Dense(5, activation="relu"),  # the head', '    Dense(5, activation="softmax"),  # the head'),
        ('    Dense(5, activation="relu")])', '    Dense(5, activation="softmax")])'),
        ('Dense(5, activation="relu"', 'Dense(5, activation="softmax"'),
        ('return Dense(5, activation="relu")', 'return Dense(5, activation="softmax")'),
        ('def head(x): return Dense(5, "relu")(x)', 'def head(x): return Dense(5, "softmax")(x)'),
        ('if top: x = Dense(5,activation="relu")(x)', 'if top: x = Dense(5,activation="softmax")(x)'),
        ('Dense(n_é, activation="relu", name="é")', 'Dense(n_é, activation="softmax", name="é")'),
        ('[Dense(8, "tanh"), Dense(5, "relu")]', '[Dense(8, "tanh"), Dense(5, "softmax")]'),
    ],
)
def test_the_activation_alone_changes(line: str, expected: str) -> None:
    assert set_activation(line, "Dense", "softmax", "relu", 5) == expected


def test_units_tell_two_layers_with_one_activation_apart() -> None:
    line = 'Sequential([Dense(8, "relu"), Dense(5, "relu")])'
    assert set_activation(line, "Dense", "softmax", "relu", 5) == (
        'Sequential([Dense(8, "relu"), Dense(5, "softmax")])'
    )


@pytest.mark.parametrize(
    ("line", "old"),
    [
        ('Sequential([Dense(5, "relu"), Dense(5, "relu")])', "relu"),
        ('Dense(5, "tanh")', "relu"),
        ("Dense(", "relu"),
        ("Dense(5,", "linear"),
        ("head(5)", "linear"),
        ("Dense(5, **options)", "linear"),
        ("Dense(*options)", "linear"),
        ("x = = Dense(5)", "linear"),
    ],
)
def test_no_line_where_two_could_be_meant_or_none_is_sure(line: str, old: str) -> None:
    assert set_activation(line, "Dense", "softmax", old, 5) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Dense(1)", 'Dense(1, activation="sigmoid")'),
        ("Dense(1,)", 'Dense(1, activation="sigmoid")'),
        ("Dense(units=1, activation=None)", 'Dense(units=1, activation="sigmoid")'),
        ("Dense(1, name='out')", "Dense(1, name='out', activation='sigmoid')"),
    ],
)
def test_an_activation_is_added_where_there_was_none(line: str, expected: str) -> None:
    assert set_activation(line, "Dense", "sigmoid", "linear", 1) == expected


def test_a_softmax_layer_has_no_activation_to_change() -> None:
    assert set_activation("Softmax()", "Softmax", "sigmoid", "softmax") is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Adam()", "Adam(learning_rate=0.1)"),
        ("Adam(1.0)", "Adam(0.1)"),
        ("Adam(learning_rate=1.0, beta_1=0.8)", "Adam(learning_rate=0.1, beta_1=0.8)"),
        ("model.compile(Adam(rate), loss='mse')", "model.compile(Adam(0.1), loss='mse')"),
        ("optimizer=keras.optimizers.Adam(1.0),", "optimizer=keras.optimizers.Adam(0.1),"),
    ],
)
def test_an_argument_by_keyword_by_place_or_added(line: str, expected: str) -> None:
    assert set_argument(line, "Adam", "learning_rate", "0.1", 0) == expected
