"""What is to be executed as ``__main__``, found and prepared as ``python`` does it."""

from __future__ import annotations

import builtins
import functools
import importlib.util
import io
import marshal
import os
import runpy
import stat
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, SourceFileLoader, SourcelessFileLoader

from nanwatch.errors import ScriptNotFound
from nanwatch.watch.launch.notebook_script import is_notebook, start_of_notebook
from nanwatch.watch.launch.own_modules import hide_own_modules

Start = Callable[[], object]
STDIN = "-"
PYC_HEADER = 16  # bytes before the code


@dataclass(frozen=True)
class Program:
    """A script, or a module as ``python -m`` finds it, and its own arguments."""

    name: str
    args: tuple[str, ...] = ()
    is_module: bool = False
    keras_2: bool = False  # its ``keras`` and ``tensorflow.keras`` are Keras 2

    @property
    def argv(self) -> tuple[str, ...]:
        return (self.name, *self.args)


def check_script(script: str) -> None:
    """Raises `ScriptNotFound` for a path that ``python`` could not open."""
    if script == STDIN:
        return
    if not os.path.exists(script):
        raise ScriptNotFound(
            f"There is no script {script}; give the path of the training script, "
            "or -m and the name of a module."
        )
    mains = [os.path.join(script, name) for name in ("__main__.py", "__main__.pyc")]
    if os.path.isdir(script) and not any(map(os.path.exists, mains)):
        raise ScriptNotFound(f"{script} is a folder without a __main__.py; give the training script in it.")


def start_of(program: Program) -> Start:
    """What executes ``program`` when it is called, with no frame of nanwatch's beneath it."""
    main = fresh_main()
    if program.is_module:
        sys.argv = ["-m", *program.args]
        put_first(os.getcwd())
        return functools.partial(as_main(), program.name)
    sys.argv = list(program.argv)
    if program.name == STDIN:
        put_first("")
        main.__dict__.update(__file__="<stdin>", __cached__=None)
        with open(0, "rb", closefd=False) as stdin:
            return execution(stdin.read(), "<stdin>", main)
    path = absolute(program.name)
    if is_container(path):
        put_first(path, always=True)
        return functools.partial(as_main(), "__main__", alter_argv=False)
    put_first(folder_of(program.name))
    facts = {"__file__": path, "__cached__": None, "__spec__": None, "__package__": None}
    if is_byte_code(path):
        code = read_byte_code(path)
        main.__dict__.update(facts, __loader__=SourcelessFileLoader("__main__", path))
        return functools.partial(exec, code, main.__dict__)
    if is_notebook(path):
        main.__dict__.update(facts)
        return start_of_notebook(path, main.__dict__)
    with io.open_code(path) as file:
        source = file.read()
    start = execution(source, path, main)
    main.__dict__.update(facts, __loader__=SourceFileLoader("__main__", path))
    return start


def fresh_main() -> types.ModuleType:
    """An empty ``__main__``, in the place of nanwatch's own."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__builtins__=builtins, __annotations__={}, __loader__=BuiltinImporter)
    sys.modules["__main__"] = module
    return module


def execution(source: bytes, path: str, main: types.ModuleType) -> Start:
    code = compile(source, path, "exec", dont_inherit=True)
    return functools.partial(exec, code, main.__dict__)


def as_main() -> Callable[..., object]:
    """What ``python -m`` itself calls, and ``python`` for a folder or a zip file."""
    found: Callable[..., object] = vars(runpy)["_run_module_as_main"]
    return found


def put_first(folder: str, always: bool = False) -> None:
    """``folder`` is where the script imports from first, in the place of where nanwatch did."""
    if not sys.flags.safe_path:
        sys.path[0] = folder
    elif always:
        sys.path.insert(0, folder)
    hide_own_modules(folder if always or not sys.flags.safe_path else None)


def absolute(script: str) -> str:
    """As Python makes it absolute: not normalised."""
    if os.path.isabs(script):
        return script
    return os.getcwd() if script == "." else os.path.join(os.getcwd(), script)


def folder_of(script: str) -> str:
    """The folder of the file that ``script`` is, or is a link to; a pipe has none."""
    try:
        return os.path.dirname(os.path.realpath(script, strict=True))
    except OSError:
        return os.path.dirname(script)


def is_container(path: str) -> bool:
    """Whether there is something in ``path`` to import a ``__main__`` from: a folder, a zip file."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def is_byte_code(path: str) -> bool:
    """By its name or, as for Python, by its first two bytes; what can be read but once is not looked into."""
    if path.endswith(".pyc"):
        return True
    if not stat.S_ISREG(os.stat(path).st_mode):
        return False
    with io.open_code(path) as file:
        return file.read(2) == importlib.util.MAGIC_NUMBER[:2]


def read_byte_code(path: str) -> types.CodeType:
    """In Python's words where it is none."""
    with io.open_code(path) as file:
        data = file.read()
    if data[:4] != importlib.util.MAGIC_NUMBER:
        raise RuntimeError("Bad magic number in .pyc file")
    code = marshal.loads(data[PYC_HEADER:])
    if not isinstance(code, types.CodeType):
        raise RuntimeError("Bad code object in .pyc file")
    return code
