"""What a shell is told to complete, asked as the shell asks."""

from __future__ import annotations

import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from nanwatch.cli.main import main
from nanwatch.cli.table import NAMES
from nanwatch.diagnose.rule import all_rules


def completed(*words: str) -> list[tuple[str, str]]:
    """(kind, word) of what may come in the place of the last word."""
    shell = ShellComplete(main, {}, "nanwatch", "_NANWATCH_COMPLETE")
    return [(item.type, item.value) for item in shell.get_completions(list(words[:-1]), words[-1])]


def test_commands() -> None:
    assert {word for _, word in completed("")} == NAMES
    assert completed("ex") == [("plain", "explain")]


def test_codes_and_names_of_rules() -> None:
    assert completed("rule", "NW20")[0] == ("plain", "NW201")
    assert completed("rule", "relu") == [("plain", "relu-output")]
    assert len(completed("rule", "")) == 2 * len(all_rules())


@pytest.mark.parametrize("command", ["run", "check", "fix"])
def test_scripts_are_files_and_so_is_what_follows_them(command: str) -> None:
    assert completed(command, "tr") == [("file", "tr")]
    assert completed(command, "train.py", "da") == [("file", "da")]


def test_options_and_their_values() -> None:
    assert ("plain", "--log-dir") in completed("run", "--l")
    assert completed("run", "--on-incident", "s") == [("plain", "stop")]
    assert completed("explain", "--format", "j") == [("plain", "json"), ("plain", "junit")]


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete])
def test_the_shells_have_a_script(shell: type[ShellComplete]) -> None:
    assert "_NANWATCH_COMPLETE=" in shell(main, {}, "nanwatch", "_NANWATCH_COMPLETE").source_template.replace(
        "%(complete_var)s", "_NANWATCH_COMPLETE"
    )
