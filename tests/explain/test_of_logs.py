"""A report on a log that nanwatch did not write, word by word."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

import nanwatch.foreign.suspicions
from nanwatch.diagnose.rule import all_rules
from nanwatch.explain.of_logs import as_json, as_markdown, as_terminal, log_words
from nanwatch.explain.of_logs.fault_words import FAULTS
from nanwatch.foreign.judge import LogReport, judge
from nanwatch.foreign.log import Log, Training
from nanwatch.foreign.script.read_script import read_script
from tests.foreign.trainings import training

NAN = math.nan
BROKEN = training(
    6,
    loss=[1.515, 0.2535, NAN, NAN],
    acc=[0.7662, 0.9459, 0.7468, 0.5],
    val_loss=[0.4117, 1.7812, NAN, NAN],
    val_acc=[0.8526, 0.7009, 0.5, 0.5],
)
HEALTHY = training(loss=[0.9, 0.5, 0.25], val_loss=[0.8, 0.9, 1.6])


def report(given: Training, script: Path | None = None) -> LogReport:
    return judge("train.log", Log("console", (given,)), None if script is None else read_script(script))


def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(
        "m = Sequential([Dense(2, activation='relu')])\nm.compile('adam', 'categorical_crossentropy')\n"
    )
    return path


def test_every_fault_that_can_be_suspected_is_a_rule_and_has_its_words() -> None:
    folder = Path(nanwatch.foreign.suspicions.__file__).parent
    suspected = {
        code for path in folder.glob("*.py") for code in re.findall(r'"(NW\d{3})"', path.read_text())
    }
    assert suspected == set(FAULTS)
    assert suspected <= {rule.code for rule in all_rules()}


def test_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = as_terminal.render(report(BROKEN, Path(script(tmp_path).name)))
    assert shown == (
        "nanwatch · train.log · console log · 4 epochs\n"
        "\n"
        "✖ The loss became NaN in epoch 3 of 6, after 2 epochs in which it was finite.\n"
        "  This log is not nanwatch's. What follows is a suspicion, drawn from printed\n"
        "  numbers; it is not a diagnosis.\n"
        "\n"
        "  • Before that it went from 1.515 to 0.2535.\n"
        "  • The validation loss rose from 0.4117 to 1.781 before.\n"
        "  • All rows were seen in the epoch before: NaN that stands in the data would\n"
        "    have shown there, unless rows are made anew in each epoch.\n"
        "  • Still since then: val_acc at 0.5000 (chance for two balanced classes). That\n"
        "    follows from the NaN, which is taken for the same class, or for none, in\n"
        "    every row.\n"
        "  • The log ends in epoch 4 of 6.\n"
        "\n"
        "  epoch       loss        acc   val_loss    val_acc\n"
        "      1      1.515     0.7662     0.4117     0.8526\n"
        "      2     0.2535     0.9459      1.781     0.7009\n"
        "      3        NaN     0.7468        NaN        0.5\n"
        "      4        NaN        0.5        NaN        0.5\n"
        "\n"
        "── What fits ───────────────────────────────────────────────────────────────────\n"
        "1. NW201 relu-output  a line of the script fits\n"
        "   The output of 2 units has relu under categorical_crossentropy.\n"
        "   train.py:1\n"
        "     m = Sequential([Dense(2, activation='relu')])\n"
        "   train.py:2\n"
        "     m.compile('adam', 'categorical_crossentropy')\n"
        "   A row for which relu gives 0 in every class makes 0/0 in\n"
        "   categorical_crossentropy: NaN from the first such row on, be it after good\n"
        "   epochs. Under binary_crossentropy such a unit is dead.\n"
        '   → Give the last layer activation="softmax" ("sigmoid" for one unit): if it\n'
        "     trains, it was this.\n"
        "\n"
        "2. NW501 learning-rate-too-high  the numbers fit\n"
        "   Steps that are too large make the loss grow until it is infinite, or throw\n"
        "   the weights where no gradient is left.\n"
        "   → A tenth of the learning rate: if the loss falls from the start, it was\n"
        "     this. (That puts off other faults, too.)\n"
        "\n"
        "── Next ────────────────────────────────────────────────────────────────────────\n"
        "  nanwatch run train.py\n"
        "    makes sure: it watches every step, and names op, batch and line\n"
        "  nanwatch rule NW201\n"
        "    what relu-output is, with an example\n"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (training(loss=[NAN, NAN]), "The loss is NaN from epoch 1 on."),
        (training(loss=[math.inf, NAN]), "The loss is infinite from epoch 1 on."),
        (
            training(loss=[2, 1], val_loss=[NAN, NAN]),
            "The validation loss is NaN from epoch 1 on, and the loss is finite.",
        ),
        (training(loss=[0.0, 0.0]), "The loss is exactly 0 from the first epoch on."),
        (
            training(loss=[0.5, -2.5], acc=[0.2, 0.2]),
            "The loss is below 0, where a cross-entropy cannot be: -2.5 in the end.",
        ),
        (
            training(loss=[8.06, 8.06], acc=[0.5, 0.5]),
            "Every prediction is a hard 0 or 1, by the loss: "
            "it is 16.1 times the share of errors throughout.",
        ),
        (
            training(loss=[0.6931] * 3, acc=[0.5] * 3),
            "The loss did not move: 0.6931 in all of 3 epochs, "
            "which is ln 2, the loss of guessing among 2 classes.",
        ),
        (training(loss=[0.89] * 3), "The loss did not move: 0.89 in all of 3 epochs."),
        (training(loss=[2, 1, 30]), "The loss grew to 30 times its least value."),
        (
            training(loss=[0.8, 0.6, 0.4], acc=[0.5] * 3),
            "The accuracy stood still: 0.5000 (chance for two balanced classes), whatever the loss did.",
        ),
        (
            training(loss=[0.7, 0.3, 0.1], acc=[0.5, 0.8, 0.9], val_acc=[0.5] * 3),
            "The training learns, the validation does not: its accuracy ends at 0.5000.",
        ),
        (
            HEALTHY,
            "Nothing is wrong by these numbers: the loss fell from 0.9 to 0.25 in 3 epochs, and it overfits.",
        ),
        (training(loss=[0.5]), "These numbers of 1 epoch show no fault that is known."),
    ],
)
def test_the_headlines(given: Training, said: str) -> None:
    assert log_words.headline(report(given))[1] == said


def test_a_healthy_log_is_short() -> None:
    assert as_terminal.render(report(HEALTHY)).splitlines() == [
        "nanwatch · train.log · console log · 3 epochs",
        "",
        "✔ Nothing is wrong by these numbers: the loss fell from 0.9 to 0.25 in 3 epochs,",
        "  and it overfits.",
        "",
        "  • The validation loss was least in epoch 1 (0.8) and is 1.6 at the end, while",
        "    the training's still falls: it overfits.",
    ]


def test_an_accuracy_of_a_regression_is_told_as_no_fault() -> None:
    found = report(training(loss=[9, 5, 2], acc=[0.0] * 3))
    assert log_words.headline(found)[0] == "well"
    assert (
        "The accuracy is 0 while the loss falls: of a regression it says nothing "
        "(NW209), and is no sign of a fault." in log_words.seen(found)
    )


def test_of_several_trainings_the_first_broken_one_is_told() -> None:
    found = judge("a.log", Log("console", (HEALTHY, BROKEN, BROKEN)))
    assert found.told.number == 2
    assert log_words.seen(found)[0] == "The log has 3 trainings, and 2 of them went wrong; this is number 2."


def test_the_json(tmp_path: Path) -> None:
    table = json.loads(as_json.render(report(BROKEN, script(tmp_path))))
    assert list(table) == ["log_format", "log", "training", "seen", "said", "suspicions", "script"]
    assert table["log"] == {"file": "train.log", "kind": "console", "trainings": 1, "broken": 1}
    assert table["training"]["symptom"] == "loss-not-finite"
    assert table["training"]["values"][2]["loss"] is None
    assert table["training"]["values"][2]["loss_nonfinite"] == "nan"
    assert table["seen"]["loss_not_finite"]["epoch"] == 3
    first = table["suspicions"][0]
    assert (first["code"], first["name"], first["strength"]) == ("NW201", "relu-output", "line-fits")
    assert first["lines"][0]["line"] == 1
    assert first["lines"][0]["file"] == str(tmp_path / "train.py")


def test_the_contract_of_the_json_is_documented(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "logs-of-others.md").read_text(encoding="utf-8")
    contract = text.partition("```text\n")[2].partition("```")[0]
    told = set(re.findall(r'"(\w+)"', contract))
    flat = training(loss=[0.69] * 3, acc=[0.5] * 3)
    tables = [json.loads(as_json.render(report(each, script(tmp_path)))) for each in (BROKEN, flat)]
    for table in tables:
        table["training"]["values"] = [{"epoch": 1}]
        assert set(keys(table)) <= told


def keys(table: object) -> list[str]:
    if isinstance(table, dict):
        return [*table, *(key for value in table.values() for key in keys(value))]
    return [key for value in table for key in keys(value)] if isinstance(table, list) else []


def test_markdown_takes_text_literally(tmp_path: Path) -> None:
    place = tmp_path / "a.py"
    place.write_text("Sequential([Dense(2, activation='relu')])  # ``` <b>@here</b>\n")
    shown = as_markdown.render(report(BROKEN, place))
    assert shown.startswith(
        "## ❌ The loss became NaN in epoch 3 of 6, after 2 epochs in which it was finite.\n"
    )
    assert "### 1. NW201 relu-output: a line of the script fits\n" in shown
    assert "````python\n" in shown


def test_no_control_character_of_a_log_or_script_is_shown(tmp_path: Path) -> None:
    place = tmp_path / "a.py"
    place.write_text("Sequential([Dense(2, activation='relu')])  # \x1b[31m\u202e\n")
    evil = Log("console", (BROKEN,))
    shown = as_terminal.render(judge("a\x1b[31m.log", evil, read_script(place)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", shown)


def test_ascii_alone() -> None:
    assert as_terminal.render(report(BROKEN), unicode=False).isascii()
