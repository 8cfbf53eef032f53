"""How a Python that the script starts comes to be watched: what is handed on to it, and what it does with it.

The environment of each child process is given a PYTHONPATH that begins with this folder, where Python finds
``sitecustomize.py``. That leaves nothing in the child to be seen but a finder, which waits for Keras: until
that is imported nothing else of nanwatch is, and in a child without Keras it never is. What the script itself
sees as its environment, and what the child sees as its own, is as under ``python``.

Imported by its own name in a child, where there may be no nanwatch.
"""

from __future__ import annotations

import contextlib
import os
import sys

TYPING = False  # `typing` takes longer to be imported than all of this
if TYPING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
GIVEN = "_NANWATCH_CHILD"
UNSEEN_FILE = "unseen.jsonl"
UNSEEN_LIMIT = 2**16  # bytes
LONGEST_COMMAND = 200
KEEPING_OUT = "IES"  # options of Python: without the environment's PYTHONPATH, or without `sitecustomize`


class Handed:
    """What a child needs to know to write a part of the run in ``folder``."""

    def __init__(self, on_incident: str, snapshot_limit: int, prefix: str, folder: str) -> None:
        self.on_incident, self.snapshot_limit = on_incident, snapshot_limit
        self.prefix, self.folder = prefix, folder

    def text(self, paths: str | None) -> str:
        """As one text, which begins with 0 where the child's PYTHONPATH would be an empty one."""
        had = "0" if paths == "" else "1"
        return "|".join([had, self.on_incident, str(self.snapshot_limit), self.prefix, self.folder])


def handed_of(text: str) -> Handed:
    _, on_incident, limit, prefix, folder = text.split("|", 4)
    return Handed(on_incident, int(limit), prefix, folder)


# -- handing on ------------------------------------------------------------------------------------


class Hand:
    """Stands where processes are started, from `take` to `give_back`."""

    def __init__(self, handed: Handed) -> None:
        self.handed: Handed | None = handed
        self.places: list[tuple[Any, str, Any, Any]] = []  # a module, a name, what stood there, what does

    def take(self) -> None:
        with contextlib.suppress(ImportError):
            import _posixsubprocess

            self.wrap(_posixsubprocess, "fork_exec", self.fork_exec)
        if "subprocess" in sys.modules:
            self.wrap(sys.modules["subprocess"], "_fork_exec", self.fork_exec)
        for name in ("posix_spawn", "posix_spawnp", "execve"):
            self.wrap(os, name, self.spawn)
        self.show()

    def wrap(self, module: ModuleType, name: str, wrapper: Callable[..., Any]) -> None:
        original = getattr(module, name, None)
        if original is None:
            return

        def placed(*args: Any, **kwargs: Any) -> Any:
            return wrapper(original, *args, **kwargs)

        placed.__name__ = placed.__qualname__ = name
        placed.__doc__ = original.__doc__
        setattr(module, name, placed)
        self.places.append((module, name, original, placed))

    def give_back(self) -> None:
        self.handed = None
        for module, name, original, placed in self.places:
            if getattr(module, name, None) is placed:
                setattr(module, name, original)
        self.hide()

    def show(self) -> None:
        """Put it where a child is given an environment by nobody: beneath ``os.environ``, which does not
        show it, is the environment that the system hands on."""
        if self.handed is not None:
            paths = os.environ.get("PYTHONPATH")
            os.putenv("PYTHONPATH", with_ours(paths))
            os.putenv(GIVEN, self.handed.text(paths))

    def hide(self) -> None:
        os.unsetenv(GIVEN)
        if "PYTHONPATH" in os.environ:
            os.putenv("PYTHONPATH", os.environ["PYTHONPATH"])
        else:
            os.unsetenv("PYTHONPATH")

    def fork_exec(self, original: Callable[..., Any], *args: Any) -> Any:
        """``args``: the command, what may be executed, whether to close files, which not, where, in which
        environment (``NAME=value`` each, or None), ..."""
        if self.handed is None:
            return original(*args)
        option = ""
        with contextlib.suppress(Exception):
            option = self.heed(args[0])
            if args[5] is not None and not option:
                args = (*args[:5], self.lines_with_ours(args[5]), *args[6:])
        return self.start(option, original, *args)

    def spawn(self, original: Callable[..., Any], path: Any, argv: Any, env: Any, **kwargs: Any) -> Any:
        if self.handed is None:
            return original(path, argv, env, **kwargs)
        option = ""
        with contextlib.suppress(Exception):
            argv = list(argv)
            option = self.heed(argv)
            if not option:
                env = self.mapping_with_ours(env)
        return self.start(option, original, path, argv, env, **kwargs)

    def start(self, option: str, original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not option:
            with contextlib.suppress(Exception):
                self.show()
            return original(*args, **kwargs)
        self.hide()  # which nobody would take away in there
        try:
            return original(*args, **kwargs)
        finally:
            self.show()

    def heed(self, argv: Sequence[Any]) -> str:
        """The option that keeps nanwatch out of the Python that is to be started, which is told."""
        words = [os.fsdecode(word) for word in argv]
        option = option_of(words)
        if option and self.handed is not None:
            leave_word(self.handed.folder, words, option)
        return option

    def lines_with_ours(self, env: Sequence[bytes]) -> list[bytes]:
        named = [line.partition(b"=") for line in env]
        mapping = self.mapping_with_ours({name: value for name, _, value in named})
        return [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in mapping.items()]

    def mapping_with_ours(self, env: Mapping[Any, Any]) -> dict[str, str]:
        assert self.handed is not None
        mapping = {os.fsdecode(name): os.fsdecode(value) for name, value in env.items()}
        paths = mapping.get("PYTHONPATH")
        return {**mapping, "PYTHONPATH": with_ours(paths), GIVEN: self.handed.text(paths)}


def with_ours(paths: str | None) -> str:
    return f"{HERE}{os.pathsep}{paths}" if paths else HERE


def option_of(words: Sequence[str]) -> str:
    """Of the command of a Python: the option that keeps nanwatch out of it."""
    if not words or not os.path.basename(words[0]).startswith("python"):
        return ""
    rest = iter(words[1:])
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            return ""
        if word.startswith("--"):
            continue
        for place, letter in enumerate(word[1:], 1):
            if letter in KEEPING_OUT:
                return f"-{letter}"
            if letter in "cm":
                return ""
            if letter in "WX":
                if place == len(word) - 1:
                    next(rest, None)
                break
    return ""


def leave_word(folder: str, words: Sequence[str], option: str = "") -> None:
    """Write down that a process is not watched, for the run's report."""
    import json

    try:
        from nanwatch.record.secrets import without_secrets

        words = without_secrets(words)
    except ImportError:  # in another environment: then the words are those of nobody's arguments
        words = words[:1]
    path = os.path.join(folder, UNSEEN_FILE)
    command = " ".join(" ".join(words).split())[:LONGEST_COMMAND]
    table = {"kind": "child-not-watched", "command": command, "option": option}
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.fstat(number).st_size < UNSEEN_LIMIT:
            os.write(number, json.dumps(table).encode() + b"\n")
    finally:
        os.close(number)


# -- in a child ------------------------------------------------------------------------------------


class KerasComes:
    """First of the finders, until Keras is imported."""

    waits_for_nanwatch = True  # what `nanwatch run` in a child knows it by

    def __init__(self, handed: Handed) -> None:
        self.handed = handed

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in ("keras", "tf_keras"):
            return None
        import importlib.util

        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)
        try:
            self.watch()
        except Exception:
            if os.environ.get("NANWATCH_DEBUG"):
                import traceback

                traceback.print_exc()
        return importlib.util.find_spec(name)

    def watch(self) -> None:
        handed = self.handed
        if sys.prefix != handed.prefix:
            leave_word(handed.folder, getattr(sys, "orig_argv", [sys.executable, *sys.argv]))
            return
        import_nanwatch()
        import importlib

        found = importlib.import_module("nanwatch.watch.watched_run")  # which is above all rooms
        found.watch_child(handed.folder, handed.on_incident, handed.snapshot_limit)


def import_nanwatch() -> None:
    """The one that this file is of, wherever Python would look for it."""
    if "nanwatch" in sys.modules:
        return
    import importlib.util

    root = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
    place = os.path.join(root, "__init__.py")
    spec = importlib.util.spec_from_file_location("nanwatch", place, submodule_search_locations=[root])
    if spec is None or spec.loader is None:
        raise ImportError(f"no nanwatch in {root}")
    module = sys.modules["nanwatch"] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["nanwatch"]
        raise


def begin(given: str) -> None:
    """In a child, before anything of its own."""
    handed = handed_of(given)
    if os.environ.get("NANWATCH_DISABLE", "") in ("", "0"):
        sys.meta_path.insert(0, KerasComes(handed))
        HANDS.append(Hand(handed))
        HANDS[-1].take()


HANDS: list[Hand] = []  # of this process, where it is a child
