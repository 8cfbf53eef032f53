"""From a script to the record of its run: this is the face of the rooms, which the README beside it names.

Nothing here imports Keras or TensorFlow, but for `Watch`: the script does that when it wants to, and
`install_hook` waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nanwatch.watch.import_hook import install_hook
from nanwatch.watch.launch.after_script import heeding_interrupts, trace_again, undisturbed
from nanwatch.watch.launch.disabled import is_disabled
from nanwatch.watch.launch.frameworks import need_framework
from nanwatch.watch.launch.keras_2 import check_keras_2
from nanwatch.watch.launch.notebook_script import cells_of as notebook_cells
from nanwatch.watch.launch.notebook_script import is_notebook
from nanwatch.watch.launch.own_modules import keep_own_modules, own_imports
from nanwatch.watch.launch.script import Ending, print_exit_code, run_program
from nanwatch.watch.launch.starting import Program, check_script
from nanwatch.watch.launch.user_lines import is_users
from nanwatch.watch.recording.run_recorder import RunRecorder, open_recorder
from nanwatch.watch.recording.still_training import is_anything_left, wait_as_python_does
from nanwatch.watch.watched_run import WatchedRun, end_record, run_under_watch

if TYPE_CHECKING:
    from nanwatch.watch.fit.callback import Watch

__all__ = [
    "Ending",
    "Program",
    "RunRecorder",
    "Watch",
    "WatchedRun",
    "check_keras_2",
    "check_script",
    "end_record",
    "heeding_interrupts",
    "install_hook",
    "is_anything_left",
    "is_disabled",
    "is_notebook",
    "is_users",
    "keep_own_modules",
    "need_framework",
    "notebook_cells",
    "open_recorder",
    "own_imports",
    "print_exit_code",
    "run_program",
    "run_under_watch",
    "trace_again",
    "undisturbed",
    "wait_as_python_does",
]


def __getattr__(name: str) -> Any:
    """The `Watch` callback; it is one of Keras's, so that Keras is imported with it."""
    if name == "Watch":
        from nanwatch.watch.fit.callback import Watch

        return Watch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
