"""The commands: what ``nanwatch --help`` lists, and the module that is imported for each."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    name: str
    module: str  # holds a click command of the command's own name
    help: str


COMMANDS = (
    Command("run", "nanwatch.cli.run", "Run a training script, and watch every training in it."),
    Command("check", "nanwatch.cli.check", "Train only a few steps, and say whether this can work: for CI."),
    Command("explain", "nanwatch.cli.explain", "Say what happened in a run or a log, and what to change."),
    Command("fix", "nanwatch.cli.fix", "Fix a script: run it, try a change, and run it again."),
    Command("live", "nanwatch.cli.live", "Follow a running training from another terminal."),
    Command(
        "prove", "nanwatch.cli.prove", "Try possible fixes on a run that is over, and take the time it needs."
    ),
    Command(
        "replay", "nanwatch.cli.replay", "Bring back the step that went bad, with its batch and weights."
    ),
    Command("rule", "nanwatch.cli.rule", "List the known faults, or explain one."),
)
NAMES = frozenset(command.name for command in COMMANDS)
