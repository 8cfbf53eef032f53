"""The one mechanism that puts something of ours in the place of another's, and puts that back.

Several `Patches` may stand on one attribute, and go in any order: what goes from below another is
passed through by it from then on, and is not what the other puts back.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from nanwatch.watch.keras_seam.keras_types import P, R  # which imports NumPy

Wrapper = Callable[..., Any]  # of (original, *args, **kwargs); of a class's method args[0] is self
PLACES = "_nanwatch_places"  # of an owner while it is patched: name -> the places on it, the lowest first
LEFT_ALONE = "autograph_info__"  # what has it is called by AutoGraph as it is
ABSENT = object()  # the owner has no such attribute of its own: it inherits it
BY_SETATTR = (type, ModuleType)  # a class's attributes cannot be written but by ``setattr``
LOCK = threading.RLock()  # two models may be traced in two threads


def renew_lock() -> None:
    """In a process that was forked off: whoever held it is not there."""
    global LOCK
    LOCK = threading.RLock()


class Entry(Protocol):
    """One thing that is to be undone."""

    def undo(self) -> None: ...


@dataclass(eq=False, slots=True)
class Wrapped:
    """A function under a wrapper. Either may be exchanged while the function is held elsewhere."""

    original: Callable[..., Any]
    wrapper: Wrapper

    def function(self) -> Callable[..., Any]:
        def placed(*args: Any, **kwargs: Any) -> Any:
            return self.wrapper(self.original, *args, **kwargs)

        functools.update_wrapper(placed, self.original)
        setattr(placed, LEFT_ALONE, None)
        return placed


@dataclass(eq=False, slots=True)
class Place:
    """One attribute of one owner: what stood there as the owner held it, and what stands there now."""

    owner: object
    name: str
    before: object
    value: object
    original: Any  # what ``before`` is to one who calls it
    wrapped: Wrapped | None = None

    def take(self) -> None:
        held = own_attribute(self.owner, PLACES)
        if held is ABSENT:
            held = {}
            write(self.owner, PLACES, held)
        held.setdefault(self.name, []).append(self)
        write(self.owner, self.name, self.value)

    def undo(self) -> None:
        with LOCK:
            above = self.leave()
            if self.wrapped is not None:
                self.wrapped.wrapper = pass_through
            if own_attribute(self.owner, self.name) is self.value:
                write(self.owner, self.name, self.before)
            elif above is not None and above.before is self.value:
                above.before, above.original = self.before, self.original
                if above.wrapped is not None:
                    above.wrapped.original = self.original

    def leave(self) -> Place | None:
        """Take this place off the owner's list; the one that stood above it."""
        held = own_attribute(self.owner, PLACES)
        there = held[self.name]
        above = there.index(self)
        del there[above]
        if not there:
            del held[self.name]
        if not held:
            write(self.owner, PLACES, ABSENT)
        return there[above] if above < len(there) else None


@dataclass(eq=False, slots=True)
class LateComers:
    """Modules that were imported while a function was wrapped, and took the wrapped one. Undone last."""

    package: str
    name: str
    wrapped: Wrapped
    function: Callable[..., Any]

    def undo(self) -> None:
        with LOCK:
            for module in modules_of(self.package):
                for place in places_on(module, self.name):
                    if place.before is self.function:
                        place.before = place.original = self.wrapped.original
                if own_attribute(module, self.name) is self.function:
                    write(module, self.name, self.wrapped.original)


@dataclass(eq=False, slots=True)
class Context:
    """A block that has been entered."""

    manager: contextlib.AbstractContextManager[object]

    def undo(self) -> None:
        self.manager.__exit__(None, None, None)


@dataclass(eq=False, slots=True)
class Patches:
    """What was patched for one purpose, to be undone together."""

    entries: list[Entry] = field(default_factory=list)

    def wrap(self, owner: object, name: str, wrapper: Wrapper) -> None:
        """Have ``wrapper(original, *args, **kwargs)`` called in the place of a method or function.

        ``owner`` is a class, a module or one object. Of a class's method ``args[0]`` is the instance, as
        it is for ``original``; of a class method and of ``__new__`` it is the class.

        Raises:
            AttributeError: ``owner`` has no such attribute.
        """
        with LOCK:
            self.put(owner, name, Wrapped(function_of(owner, name), wrapper))

    def put(
        self, owner: object, name: str, wrapped: Wrapped, function: Callable[..., Any] | None = None
    ) -> None:
        before: object = own_attribute(owner, name)
        function = function or wrapped.function()
        value: object = function
        if isinstance(owner, type):
            value = of_kind(static_attribute(owner, name), name, function)
            if before is ABSENT and wrapped.original is new_object:
                before = staticmethod(new_object)
        self.take(Place(owner, name, before, value, wrapped.original, wrapped))

    def set(self, owner: object, name: str, value: object) -> None:
        """Have ``value`` stand there; of one object past its ``__setattr__``.

        Raises:
            AttributeError: the attribute is a property, which what an object holds does not replace.
        """
        if not isinstance(owner, type) and hasattr(type(static_attribute(type(owner), name)), "__set__"):
            raise AttributeError(f"{name} of {type(owner).__name__} is a property")
        with LOCK:
            original = getattr(owner, name, ABSENT)
            self.take(Place(owner, name, own_attribute(owner, name), value, original))

    def everywhere(self, package: str, function: Callable[..., Any], wrapper: Wrapper) -> None:
        """`wrap` ``function`` in every module of ``package`` that holds it under its name."""
        name, wrapped = function.__name__, Wrapped(function, wrapper)
        ours = wrapped.function()
        with LOCK:
            self.entries.append(LateComers(package, name, wrapped, ours))
            for module in modules_of(package):
                if own_attribute(module, name) is function:
                    self.put(module, name, wrapped, ours)

    def enter(self, manager: contextlib.AbstractContextManager[object]) -> None:
        """Enter a block that is left with the rest."""
        manager.__enter__()
        self.entries.append(Context(manager))

    def take(self, place: Place) -> None:
        place.take()
        self.entries.append(place)

    def undo(self) -> None:
        """Put everything back, the last first.

        Raises:
            Exception: the first that came up. The others have been undone all the same.
        """
        failed: Exception | None = None
        while self.entries:
            try:
                self.entries.pop().undo()
            except Exception as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.undo()


def left_alone(function: Callable[P, R]) -> Callable[P, R]:
    """What calls ``function``, and is called by AutoGraph as it is: nanwatch's own is not rewritten."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    functools.update_wrapper(call, function)
    setattr(call, LEFT_ALONE, None)
    return call


def pass_through(original: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """The wrapper that does nothing."""
    return original(*args, **kwargs)


def places_on(owner: object, name: str) -> list[Place]:
    """The places that stand on an attribute, the lowest first."""
    held = own_attribute(owner, PLACES)
    found: list[Place] = [] if held is ABSENT else list(held.get(name, ()))
    return found


def own_attribute(owner: object, name: str) -> Any:
    """What ``owner`` itself holds, as it holds it; `ABSENT` where it inherits it."""
    return vars(owner).get(name, ABSENT)


def static_attribute(owner: object, name: str) -> object:
    """What would be found on ``owner``, as it is held: a ``staticmethod``, say, not its function."""
    return inspect.getattr_static(owner, name, None)


def function_of(owner: object, name: str) -> Callable[..., Any]:
    """What stands there, as a wrapper may call it: of a class's method a function of the instance."""
    if not isinstance(owner, type):
        method: Callable[..., Any] = getattr(owner, name)
        return method
    held = inspect.getattr_static(owner, name)
    if held is object.__new__:
        return new_object
    function: Callable[..., Any] = held.__func__ if isinstance(held, staticmethod | classmethod) else held
    return function


def of_kind(held: object, name: str, function: Callable[..., Any]) -> object:
    """``function`` as a class holds it in the place of ``held``."""
    if name == "__new__":
        return staticmethod(function)
    return type(held)(function) if isinstance(held, staticmethod | classmethod) else function


def new_object(cls: Any, /, *args: object, **kwargs: object) -> object:
    """``object.__new__``, for a class that had none of its own.

    A class whose own ``__new__`` is deleted does not go back to ignoring ``__init__``'s arguments: this
    one stays in its place.
    """
    if (args or kwargs) and cls.__init__ is object.__init__:
        raise TypeError(f"{cls.__name__}() takes no arguments")
    return object.__new__(cls)


def write(owner: object, name: str, value: object) -> None:
    """Let ``owner`` itself hold ``value``; `ABSENT`: nothing. An object's ``__setattr__`` is not asked."""
    if not isinstance(owner, BY_SETATTR):
        if value is ABSENT:
            vars(owner).pop(name, None)
        else:
            vars(owner)[name] = value
    elif value is not ABSENT:
        setattr(owner, name, value)
    elif name in vars(owner):
        delattr(owner, name)


def modules_of(package: str) -> list[ModuleType]:
    """What has been imported of ``package``."""
    held = list(sys.modules.values())
    return [module for module in held if getattr(module, "__name__", "").partition(".")[0] == package]
