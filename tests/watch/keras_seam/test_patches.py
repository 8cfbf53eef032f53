"""Whatever is patched, in whatever order it is given back: nothing of ours stays, and nothing is lost."""

from __future__ import annotations

import itertools
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nanwatch.watch.keras_seam.patches import PLACES, Patches, places_on


class Base:
    def greet(self, name: str = "you") -> str:
        """Say it."""
        return f"hello {name}"

    @staticmethod
    def double(number: int) -> int:
        return 2 * number

    @classmethod
    def name_of(cls, mark: str = "") -> str:
        return cls.__name__ + mark

    @property
    def size(self) -> int:
        return 3


class Derived(Base):
    limit = 5


class Plain:
    """No ``__new__`` of its own, nor of its bases."""

    def __init__(self, value: int = 0) -> None:
        self.value = value


class OwnNew:
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made.given = args  # type: ignore[attr-defined]
        return made

    def __init__(self, value: int = 0) -> None:
        self.value = value


def marking(mark: str) -> Callable[..., Any]:
    """A wrapper that puts ``mark`` around a text."""

    def wrapper(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return f"{mark}({original(*args, **kwargs)})"

    return wrapper


@contextmanager
def as_before(*owners: Any) -> Iterator[None]:
    """After the block the owners hold what they held, in whatever order."""
    before = [dict(vars(owner)) for owner in owners]
    yield
    after = [dict(vars(owner)) for owner in owners]
    assert [list(held) for held in after] == [list(held) for held in before]
    for old, new in zip(before, after, strict=True):
        assert all(new[name] is old[name] for name in old)


def test_a_method_of_a_class() -> None:
    seen: list[Any] = []

    def wrapper(original: Callable[..., Any], thing: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((thing, args, kwargs))
        return original(thing, *args, **kwargs) + "!"

    thing = Base()
    with as_before(Base, thing):
        with Patches() as patches:
            patches.wrap(Base, "greet", wrapper)
            assert thing.greet("me") == Derived().greet(name="me") == "hello me!"
            assert seen[0] == (thing, ("me",), {})
            assert (Base.greet.__name__, Base.greet.__doc__) == ("greet", "Say it.")
        assert thing.greet("me") == "hello me"


def test_an_inherited_method_is_put_on_the_class_and_taken_off_it() -> None:
    with as_before(Base, Derived), Patches() as patches:
        patches.wrap(Derived, "greet", marking("d"))
        assert Derived().greet() == "d(hello you)"
        assert Base().greet() == "hello you"


def test_a_method_of_one_object() -> None:
    thing, other = Derived(), Derived()
    with as_before(Base, Derived, thing), Patches() as patches:
        patches.wrap(thing, "greet", marking("t"))
        assert (thing.greet("x"), other.greet("x")) == ("t(hello x)", "hello x")


def test_the_object_is_asked_nothing() -> None:
    class Strict:
        def call(self) -> str:
            return "called"

        def __setattr__(self, name: str, value: Any) -> None:
            raise AssertionError(name)

        __delattr__ = __setattr__  # type: ignore[assignment]

    thing = Strict()
    with as_before(thing), Patches() as patches:
        patches.wrap(thing, "call", marking("s"))
        patches.set(thing, "anything", 1)
        assert (thing.call(), thing.anything) == ("s(called)", 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("cls", [Base, Derived])
def test_static_and_class_methods_stay_what_they_are(cls: Any) -> None:
    def more(original: Callable[..., Any], *args: Any) -> Any:
        return original(*args, "+") if isinstance(args[0], type) else original(*args) + 1

    with as_before(Base, Derived), Patches() as patches:
        patches.wrap(cls, "double", more)
        patches.wrap(cls, "name_of", more)
        assert (cls.double(4), cls().double(4)) == (9, 9)
        assert (cls.name_of(), cls().name_of()) == (cls.__name__ + "+",) * 2
        assert isinstance(vars(cls)["double"], staticmethod)
        assert isinstance(vars(cls)["name_of"], classmethod)


def test_values() -> None:
    thing = Derived()
    with as_before(Base, Derived, thing), Patches() as patches:
        patches.set(Derived, "limit", 6)
        patches.set(thing, "limit", 7)
        patches.set(thing, "new", 8)
        assert (Derived.limit, thing.limit, thing.new) == (6, 7, 8)  # type: ignore[attr-defined]


def test_what_cannot_be_patched() -> None:
    patches = Patches()
    with as_before(Base):
        with pytest.raises(AttributeError, match="missing"):
            patches.wrap(Base, "missing", marking("m"))
        with pytest.raises(AttributeError, match="size of Base is a property"):
            patches.set(Base(), "size", 4)
    assert patches.entries == []


# -- __new__ -----------------------------------------------------------------------------------------


def noting(seen: list[Any]) -> Callable[..., Any]:
    def wrapper(original: Callable[..., Any], cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(cls, *args, **kwargs)
        seen.append((cls, args, made))
        return made

    return wrapper


def test_a_new_of_its_own() -> None:
    seen: list[Any] = []
    with as_before(OwnNew):
        with Patches() as patches:
            patches.wrap(OwnNew, "__new__", noting(seen))
            made: Any = OwnNew(3)
        assert seen == [(OwnNew, (3,), made)]
        assert (made.value, made.given) == (3, (3,))
        assert OwnNew(4).value == 4
    assert len(seen) == 1


def test_an_inherited_new() -> None:
    """A class whose ``__new__`` is deleted would refuse ``__init__``'s arguments: one stays that does not."""

    class Local(Plain):
        pass

    class Below(Local):
        pass

    class Bare(Local):
        __init__ = object.__init__

    seen: list[Any] = []
    for _ in range(2):
        before = vars(Local).get("__new__")
        with Patches() as patches:
            patches.wrap(Local, "__new__", noting(seen))
            assert Below(value=3).value == 3
        assert [cls for cls, _, _ in seen] == [Below]
        seen.clear()
        assert (Local(1).value, Below(2).value) == (1, 2)
        assert seen == []
        with pytest.raises(TypeError, match=r"Bare\(\) takes no arguments"):
            Bare(1)
        assert type(Bare()) is Bare
    assert vars(Local)["__new__"] is before
    assert [name for name in vars(Local) if name not in vars(Below)] == ["__new__"]


def test_new_of_a_class_and_of_its_base() -> None:
    class Local(OwnNew):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return super().__new__(cls, *args, **kwargs)

    seen: list[Any] = []
    with as_before(Local, OwnNew), Patches() as patches:
        patches.wrap(Local, "__new__", noting(seen))
        patches.wrap(OwnNew, "__new__", noting(seen))
        made = Local(5)
        assert [(cls, given) for cls, given, _ in seen] == [(Local, (5,))] * 2
        assert made.value == 5


# -- several on one attribute ------------------------------------------------------------------------

OWNERS: dict[str, Callable[[], tuple[Any, Callable[[], str]]]] = {
    "own": lambda: (Base, lambda: Base().greet()),
    "inherited": lambda: (Derived, lambda: Derived().greet()),
    "object": lambda: (thing := Derived(), lambda: thing.greet()),
    "static": lambda: (Base, lambda: Base.name_of()),
}


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
@pytest.mark.parametrize("kind", OWNERS)
def test_given_back_in_any_order(kind: str, order: tuple[str, ...]) -> None:
    """What is left wraps as it did, and what has gone does nothing."""
    owner, call = OWNERS[kind]()
    name = "name_of" if kind == "static" else "greet"
    plain = call()
    with as_before(Base, Derived, owner):
        patches = {mark: Patches() for mark in "abc"}
        for mark, each in patches.items():
            each.wrap(owner, name, marking(mark))
        assert call() == f"c(b(a({plain})))"
        left = "abc"
        for mark in order:
            patches[mark].undo()
            left = left.replace(mark, "")
            expected = plain
            for outer in left:
                expected = f"{outer}({expected})"
            assert call() == expected
            assert len(places_on(owner, name)) == len(left)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_values_given_back_in_any_order(order: tuple[int, ...]) -> None:
    with as_before(Derived):
        patches = [Patches() for _ in range(3)]
        for number, each in enumerate(patches):
            each.set(Derived, "limit", number)
        left = [0, 1, 2]
        for number in order:
            patches[number].undo()
            left.remove(number)
            assert Derived.limit == (left[-1] if left else 5)


def test_new_given_back_from_below() -> None:
    seen: list[str] = []

    def noted(mark: str) -> Callable[..., Any]:
        def note(original: Callable[..., Any], *args: Any) -> Any:
            seen.append(mark)
            return original(*args)

        return note

    with as_before(OwnNew):
        lower, upper = Patches(), Patches()
        lower.wrap(OwnNew, "__new__", noted("lower"))
        upper.wrap(OwnNew, "__new__", noted("upper"))
        lower.undo()
        assert OwnNew(1).value == 1
        upper.undo()
        assert OwnNew(2).value == 2
    assert seen == ["upper"]


def test_a_wrapper_that_another_holds_is_switched_off() -> None:
    """A script that keeps a function it was given while it was wrapped."""
    thing = Base()
    with Patches() as patches:
        patches.wrap(Base, "greet", marking("w"))
        kept, bound = Base.greet, thing.greet
    assert (kept(thing), bound()) == ("hello you", "hello you")


def test_what_another_has_put_on_top_stays() -> None:
    with as_before(Base):
        held = vars(Base)["greet"]
        patches = Patches()
        patches.wrap(Base, "greet", marking("ours"))
        below = Base.greet
        Base.greet = lambda self: f"theirs({below(self)})"  # type: ignore[assignment, method-assign, misc]
        assert Base().greet() == "theirs(ours(hello you))"
        patches.undo()
        assert Base().greet() == "theirs(hello you)"
        assert PLACES not in vars(Base)
        Base.greet = held  # type: ignore[method-assign]


def test_what_another_has_put_between_stays() -> None:
    with as_before(Base):
        held = vars(Base)["greet"]
        lower, upper = Patches(), Patches()
        lower.wrap(Base, "greet", marking("lower"))
        below = Base.greet
        Base.greet = theirs = lambda self: f"theirs({below(self)})"  # type: ignore[assignment, method-assign]
        upper.wrap(Base, "greet", marking("upper"))
        lower.undo()
        assert Base().greet() == "upper(theirs(hello you))"
        upper.undo()
        assert vars(Base)["greet"] is theirs
        Base.greet = held  # type: ignore[method-assign]


def test_two_threads() -> None:
    """Each wraps and gives back all the time; in the end nothing is left."""

    def work() -> None:
        for _ in range(300):
            with Patches() as patches:
                patches.wrap(Base, "greet", marking("t"))
                assert Base().greet().endswith(("hello you)", "hello you))", "hello you)))"))

    failed: list[Any] = []
    before, sys_hook = sys.getswitchinterval(), threading.excepthook
    threading.excepthook = failed.append
    sys.setswitchinterval(1e-6)
    try:
        with as_before(Base):
            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(before)
        threading.excepthook = sys_hook
    assert failed == []


# -- everywhere --------------------------------------------------------------------------------------


def save(path: str) -> str:
    return f"saved {path}"


def module_of(name: str, **held: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(held)
    return module


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> list[types.ModuleType]:
    """A package of which two modules hold `save`, one another function of that name, and a stranger."""
    modules = [
        module_of("pots", save=save),
        module_of("pots.inner", save=save),
        module_of("pots.other", save=len),
        module_of("potsherds", save=save),
    ]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return modules


def saves(modules: list[types.ModuleType]) -> list[str]:
    return [module.save("x y") for module in modules if module.save is not len]


def test_everywhere(package: list[types.ModuleType]) -> None:
    with as_before(*package), Patches() as patches:
        patches.everywhere("pots", save, marking("e"))
        assert saves(package) == ["e(saved x y)", "e(saved x y)", "saved x y"]
        assert package[0].save is package[1].save
        assert package[2].save is len


@pytest.mark.parametrize("lower_first", [False, True])
def test_everywhere_twice_and_a_module_that_comes_in_between(
    lower_first: bool, package: list[types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    with as_before(*package):
        lower, upper = Patches(), Patches()
        lower.everywhere("pots", package[0].save, marking("l"))
        early = module_of("pots.early", save=package[0].save)
        monkeypatch.setitem(sys.modules, "pots.early", early)
        upper.everywhere("pots", package[0].save, marking("u"))
        late = module_of("pots.late", save=package[0].save)
        monkeypatch.setitem(sys.modules, "pots.late", late)
        assert early.save("x") == late.save("x") == "u(l(saved x))"
        for patches in (lower, upper) if lower_first else (upper, lower):
            patches.undo()
            mark = ("u" if lower_first else "l") if patches is (lower if lower_first else upper) else ""
            expected = f"{mark}(saved x)" if mark else "saved x"
            assert early.save("x") == late.save("x") == package[0].save("x") == expected
    assert early.save is late.save is save


# -- the whole ---------------------------------------------------------------------------------------


def test_undone_in_reverse_once_and_in_spite_of_errors() -> None:
    done: list[str] = []

    class Step:
        def __init__(self, name: str) -> None:
            self.name = name

        def undo(self) -> None:
            done.append(self.name)
            if self.name in ("b", "c"):
                raise ValueError(self.name)

    patches = Patches()
    with as_before(Base):
        patches.wrap(Base, "greet", marking("w"))
        patches.entries += [Step(name) for name in "abcd"]
        with pytest.raises(ValueError, match="c"):
            patches.undo()
    assert done == ["d", "c", "b", "a"]
    patches.undo()
    assert done == ["d", "c", "b", "a"]


def test_blocks_are_left_with_the_rest() -> None:
    done: list[str] = []

    @contextmanager
    def block() -> Iterator[None]:
        done.append("entered")
        yield
        done.append(Base().greet())

    with Patches() as patches:
        patches.enter(block())
        patches.wrap(Base, "greet", marking("w"))
    assert done == ["entered", "hello you"]


def test_an_error_in_the_block() -> None:
    def fail() -> None:
        with Patches() as patches:
            patches.wrap(Base, "greet", marking("w"))
            raise KeyError

    with as_before(Base), pytest.raises(KeyError):
        fail()


def test_one_after_another() -> None:
    """The same `Patches` may be used again."""
    patches = Patches()
    for mark in "ab":
        with as_before(Base), patches:
            patches.wrap(Base, "greet", marking(mark))
            assert Base().greet() == f"{mark}(hello you)"
