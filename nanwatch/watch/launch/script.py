"""Runs a script or a module as ``python`` would: status, output, traceback, ``__main__``."""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from types import TracebackType

from nanwatch.errors import ScriptNotFound, TrainingHalted
from nanwatch.exit_status import ExitStatus
from nanwatch.record.facts import Status
from nanwatch.watch.launch.user_lines import OWN


@dataclass(frozen=True)
class Program:
    """A script, or a module as ``python -m`` finds it, and its own arguments."""

    name: str
    args: tuple[str, ...] = ()
    is_module: bool = False

    @property
    def argv(self) -> tuple[str, ...]:
        return (self.name, *self.args)


@dataclass(frozen=True)
class Ending:
    """How the script ended. ``code`` is what SystemExit carried; ``error`` what was not caught."""

    status: int
    code: object = None
    error: BaseException | None = None
    halted: bool = False
    interrupted: bool = False

    def status_word(self, halted: bool, exit_status: int) -> Status:
        """What the record says of the run, of which a training was ``halted`` or not."""
        if self.halted or halted:
            return "halted"
        if self.interrupted:
            return "killed"
        return "crashed" if self.error is not None and exit_status else "finished"


def fresh_main() -> types.ModuleType:
    """An empty ``__main__``, in the place of nanwatch's own."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = module
    return module


def check_script(script: str) -> None:
    """Raises `ScriptNotFound` for a path that ``python`` could not open."""
    if not os.path.exists(script):
        raise ScriptNotFound(
            f"There is no script {script}; give the path of the training script, "
            "or -m and the name of a module."
        )
    if os.path.isdir(script) and not os.path.exists(os.path.join(script, "__main__.py")):
        raise ScriptNotFound(f"{script} is a folder without a __main__.py; give the training script in it.")


def run_program(program: Program) -> Ending:
    """Run ``program`` as ``python`` would, and answer how it ended."""
    run = run_module if program.is_module else run_script
    return run(program.name, list(program.args))


def run_script(script: str, argv: list[str], catch: tuple[type[BaseException], ...] = ()) -> Ending:
    """Run ``script`` with ``sys.argv = [script, *argv]`` and answer how it ended.

    An exception of a kind in ``catch`` ends it quietly.
    """
    sys.argv = [script, *argv]
    main = fresh_main()
    if os.path.isdir(script) or not is_source(script):
        return run_container(script)
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    path = os.path.join(os.getcwd(), script)  # as Python makes it absolute: not normalised

    def execute() -> None:
        with io.open_code(path) as file:
            source = file.read()
        code = compile(source, path, "exec", dont_inherit=True)
        main.__dict__.update(
            __file__=path, __cached__=None, __loader__=loader_of(path), __spec__=None, __package__=None
        )
        exec(code, main.__dict__)

    return ending_of(execute, catch)


def run_container(script: str) -> Ending:
    """A folder or a zip file with a ``__main__.py``, as Python runs it; byte code through runpy."""
    path = os.path.join(os.getcwd(), script)
    if script.endswith(".pyc"):
        sys.path[0] = os.path.dirname(os.path.realpath(script))
        return ending_of(lambda: runpy.run_path(script, run_name="__main__"))
    sys.path[0] = path
    as_main = vars(runpy)["_run_module_as_main"]
    return ending_of(lambda: as_main("__main__", alter_argv=False))


def is_source(script: str) -> bool:
    """Whether ``script`` is Python source, not a zip file or byte code."""
    with open(script, "rb") as file:
        start = file.read(4)
    return not start.startswith(b"PK\x03\x04") and not script.endswith(".pyc")


def loader_of(script: str) -> SourceFileLoader:
    return SourceFileLoader("__main__", script)


def run_module(module: str, argv: list[str]) -> Ending:
    """``python -m module argv...``."""
    sys.argv = ["-m", *argv]
    fresh_main()
    sys.path[0] = os.getcwd()
    as_main = vars(runpy)["_run_module_as_main"]  # what `python -m` itself calls
    return ending_of(lambda: as_main(module))


def ending_of(execute: Callable[[], object], catch: tuple[type[BaseException], ...] = ()) -> Ending:
    """Run ``execute`` and put down how it ended, printing a traceback as Python would."""
    try:
        execute()
    except catch as left:
        return Ending(0, error=left)
    except SystemExit as exit_:
        return Ending(status_of(exit_.code), exit_.code)
    except TrainingHalted as halt:
        return Ending(ExitStatus.HALTED, error=halt, halted=True)
    except KeyboardInterrupt as interrupt:
        print_as_python(interrupt)
        return Ending(ExitStatus.INTERRUPTED, error=interrupt, interrupted=True)
    except BaseException as error:
        print_as_python(error)
        return Ending(1, error=error)
    return Ending(0)


def status_of(code: object) -> int:
    if code is None:
        return 0
    if not isinstance(code, int):
        return 1
    return code & 0xFF if -(2**63) <= code < 2**63 else 0xFF  # what overflows a C long counts as -1


def print_exit_code(ending: Ending) -> None:
    """What SystemExit carried, on stderr, where it is not a number; as Python does behind the script."""
    if ending.code is not None and not isinstance(ending.code, int) and sys.stderr is not None:
        sys.stderr.write(f"{ending.code}\n")


def print_as_python(error: BaseException) -> None:
    """The traceback on stderr, through ``sys.excepthook``, with no frame of nanwatch's in it."""
    clean_traceback(error, set())
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except Exception as second:  # as Python itself says it
        if second.__context__ is error:  # Python's own call of the hook has no such context
            second.__context__ = None
        clean_traceback(second, set())
        sys.stderr.write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(second), second, second.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(type(error), error, error.__traceback__)


def clean_traceback(error: BaseException, done: set[int]) -> None:
    """Take nanwatch's frames out of the traceback of ``error`` and of what it came from."""
    if id(error) in done:
        return
    done.add(id(error))
    error.__traceback__ = without_own(error.__traceback__)
    for other in (error.__cause__, error.__context__):
        if other is not None:
            clean_traceback(other, done)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            clean_traceback(inner, done)


def without_own(traceback: TracebackType | None) -> TracebackType | None:
    kept = []
    while traceback is not None:
        if not os.path.abspath(traceback.tb_frame.f_code.co_filename).startswith(OWN):
            kept.append(traceback)
        traceback = traceback.tb_next
    result: TracebackType | None = None
    for entry in reversed(kept):
        result = TracebackType(result, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return result
