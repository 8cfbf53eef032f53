"""Nanwatch's imports and the script's, kept apart: neither finds the other's modules, nor loses its own.

A script may lie beside a ``json.py`` that it means to import, or does not mean to; it may bring another
click; it may empty ``sys.modules``. What nanwatch has imported before the script stays its own, and what
it imports later is found as it would have been before.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
from collections.abc import Iterator
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from typing import Any

OURS = frozenset({"click", "rich"})  # which a script finds as if nobody had imported them
KNOWN = sys.stdlib_module_names | OURS
NOT_HIDDEN = frozenset({"__main__", "encodings", "nanwatch", "sitecustomize", "usercustomize"})


class Imports:
    """By what ``import`` finds modules, as it is at a moment."""

    def __init__(self) -> None:
        self.places: dict[str, Any] = {
            name: getattr(sys, name) for name in ("modules", "path", "meta_path", "path_hooks")
        }
        self.function = builtins.__import__

    def copy_lists(self) -> None:
        """What is changed in place from now on changes nothing here."""
        for name, place in self.places.items():
            if isinstance(place, list):
                self.places[name] = list(place)

    def with_more_of(self, others: Imports) -> Imports:
        """These first, and behind them what ``others`` have: code of the script's own may be run."""
        both = Imports()
        for name, place in self.places.items():
            both.places[name] = place
            if isinstance(place, list):
                both.places[name] = [*place, *(each for each in others.places[name] if each not in place)]
        both.function = self.function
        return both

    def put(self) -> None:
        for name, place in self.places.items():
            setattr(sys, name, place)
        builtins.__import__ = self.function


class OwnModules:
    """What nanwatch finds where it imports something, whatever the script has done."""

    def __init__(self) -> None:
        self.all = sys.modules  # the dictionary that Python itself looks into
        self.found = {name: module for name, module in self.all.items() if name != "__main__"}
        self.imports = Imports()
        self.imports.copy_lists()
        self.hidden = OURS
        self.folder: str | None = None  # of the script
        self.are_in_place = False

    def hide(self, folder: str | None) -> None:
        """Take out of ``sys.modules`` what is nanwatch's alone, and what else lies in ``folder``."""
        self.folder = None if folder is None else os.path.abspath(folder)
        tops = {name.partition(".")[0] for name in self.all}
        self.hidden = OURS | {name for name in tops if folder is not None and lies_in(folder, name)}
        self.remove({name for name in self.all if self.is_hidden(name)})

    def is_hidden(self, name: str) -> bool:
        return name.partition(".")[0] in self.hidden

    def put_aside_neighbours(self) -> None:
        """What the script has imported from beside it by a name that nanwatch may come to import."""
        tops = {name for name in KNOWN & self.all.keys() - self.found.keys() if self.is_beside(name)}
        self.hidden |= tops
        self.remove({name for name in self.all if name.partition(".")[0] in tops})

    def is_beside(self, name: str) -> bool:
        file = getattr(self.all[name], "__file__", None)
        return isinstance(file, str) and self.folder is not None and file.startswith(self.folder + os.sep)

    def remove(self, names: set[str]) -> None:
        for name in names:
            self.all.pop(name, None)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """What the block imports is shared with the script, unless it is one of those that are hidden."""
        scripts, modules, before = Imports(), dict(self.all), set(self.found)
        self.imports.with_more_of(scripts).put()
        self.put_aside_neighbours()
        self.all.update(self.found)
        self.are_in_place = True
        try:
            yield
        finally:
            self.are_in_place = False
            own = {name: module for name, module in self.all.items() if modules.get(name) is not module}
            self.found = {**own, **self.found}
            self.remove({name for name in own if name in before or self.is_hidden(name)})
            self.all.update(modules)
            scripts.put()


def lies_in(folder: str, name: str) -> bool:
    """Whether ``import name`` would find in ``folder`` another module than the one that is there."""
    if name in NOT_HIDDEN or BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name):
        return False
    spec = PathFinder.find_spec(name, [folder])
    if spec is None or spec.loader is None:  # a folder without an __init__.py comes last of all
        return False
    return spec.origin != getattr(sys.modules[name], "__file__", None)


KEPT: list[OwnModules] = []  # of this process; none where nanwatch did not start the script


def keep_own_modules() -> None:
    """What has been imported until now is nanwatch's own; asked for again, what came since is too."""
    KEPT[:] = [OwnModules()]


def hide_own_modules(folder: str | None) -> None:
    """The script comes next, which imports from ``folder`` first."""
    for kept in KEPT:
        known = folder in sys.path_importer_cache
        kept.hide(folder)
        if folder is not None and not known:  # the listing of a folder that the script may yet write into
            sys.path_importer_cache.pop(folder, None)


@contextlib.contextmanager
def own_imports() -> Iterator[None]:
    """While the block lasts, an import finds what nanwatch means by it."""
    if not KEPT or KEPT[0].are_in_place:
        yield
        return
    with KEPT[0].in_place():
        yield
