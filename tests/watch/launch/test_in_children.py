"""A Python that the script starts: watched once it imports Keras, before and without as under ``python``."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

import nanwatch
from nanwatch.record.notes import ChildNotWatched
from nanwatch.record.parts import UNSEEN_FILE, UNSEEN_LIMIT, read_unseen
from nanwatch.watch.launch.in_children import nanwatch_in_child
from nanwatch.watch.launch.in_children.nanwatch_in_child import GIVEN, HERE, Hand, Handed, option_of
from nanwatch.watch.launch.in_children.nanwatch_in_child import UNSEEN_FILE as NAME_IN_CHILD
from nanwatch.watch.launch.in_children.nanwatch_in_child import UNSEEN_LIMIT as LIMIT_IN_CHILD
from tests.side_by_side import MODULE, Ended, ended, environment

LOOK = (
    "import os, sys\n"
    "print(os.environ.get('PYTHONPATH'), sys.path, [n for n in os.environ if 'NANWATCH' in n.upper()])\n"
    "print([name for name in sys.modules if 'nanwatch' in name or 'custom' in name])\n"
)
KERAS = "print('keras is imported')\n"
# What shows that nanwatch has heard of it: the rooms are there, and only then.
HEARD = "import sys, keras\nprint('nanwatch.watch.watched_run' in sys.modules)\n"


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    (tmp_path / "run").mkdir()
    found = Hand(Handed("raise", 2**20, sys.prefix, str(tmp_path / "run")))
    found.take()
    yield found
    found.give_back()


def child(folder: Path, *arguments: str, **more: str) -> Ended:
    return ended(folder, sys.executable, *arguments, **more)  # type: ignore[arg-type]


def test_its_names_are_those_of_the_record() -> None:
    assert (NAME_IN_CHILD, LIMIT_IN_CHILD) == (UNSEEN_FILE, UNSEEN_LIMIT)


@pytest.mark.parametrize("paths", [None, "", "/first{0}/second", "{0}/last"])
def test_a_child_without_keras_is_as_under_python(tmp_path: Path, hand: Hand, paths: str | None) -> None:
    (tmp_path / "look.py").write_text(LOOK)
    given = environment()
    given.pop("PYTHONPATH", None)
    if paths is not None:
        given["PYTHONPATH"] = paths.format(os.pathsep)
    command = [sys.executable, "look.py"]

    def seen() -> tuple[int, bytes, bytes]:
        done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True)
        return done.returncode, done.stdout, done.stderr

    watched = seen()
    hand.give_back()
    assert watched == seen()
    assert watched[1].endswith(b"[]\n[]\n")


def test_one_that_is_given_no_environment(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "worker.py").write_text(HEARD)
    command = [sys.executable, "worker.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "keras is imported\nTrue\n"
    assert "NANWATCH_CHILD" not in str(os.environ)
    assert HERE not in os.environ.get("PYTHONPATH", "")


STARTS = {
    "an environment": "subprocess.run([sys.executable, 'worker.py'], env=dict(os.environ, A='1'))",
    "a shell": "os.system(sys.executable + ' worker.py')",
    "posix_spawn": "subprocess.run([sys.executable, 'worker.py'], close_fds=False)",
    "execve": "os.execve(sys.executable, [sys.executable, 'worker.py'], dict(os.environ))",
    "execv": "os.execv(sys.executable, [sys.executable, 'worker.py'])",
    "spawnve": "os.spawnve(os.P_WAIT, sys.executable, [sys.executable, 'worker.py'], dict(os.environ))",
    "a path of its own": "os.environ['PYTHONPATH'] = '.'; subprocess.run([sys.executable, 'worker.py'])",
    "a fork": "os.fork() and os.wait() or os.execv(sys.executable, [sys.executable, 'worker.py'])",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_child_of_a_child(tmp_path: Path, hand: Hand, start: str) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "worker.py").write_text(HEARD)
    (tmp_path / "launcher.py").write_text(f"import os, subprocess, sys\n{start}\n")
    assert child(tmp_path, "launcher.py") == Ended(0, b"keras is imported\nTrue\n", b"")


def test_multiprocessing_spawns_as_under_python(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "train.py").write_text(
        "import multiprocessing, sys\n\n\n"
        "def work(n):\n"
        "    import keras\n"
        "    print('nanwatch.watch.watched_run' in sys.modules, flush=True)\n\n\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=work, args=(1,))\n"
        "    child.start()\n"
        "    child.join()\n"
    )
    assert child(tmp_path, "train.py") == Ended(0, b"keras is imported\nTrue\n", b"")


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("print('mine'); import sys; sys.mine = 1\n", b"mine\n"),
        ("raise ImportError('no such thing')\n", b""),
        ("raise ValueError('no such thing')\n", b""),
    ],
)
def test_a_sitecustomize_of_their_own(tmp_path: Path, hand: Hand, theirs: str, said: bytes) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(theirs)
    (tmp_path / "look.py").write_text(LOOK)
    watched = child(tmp_path, "look.py", PYTHONPATH=str(tmp_path / "site"))
    hand.give_back()
    bare = child(tmp_path, "look.py", PYTHONPATH=str(tmp_path / "site"))
    assert watched.stdout == bare.stdout
    assert watched.stdout.startswith(said)
    assert watched.status == bare.status
    assert watched.stderr == bare.stderr


@pytest.mark.parametrize("option", ["-I", "-E", "-S", "-sI"])
@pytest.mark.parametrize("inherits", [True, False])
def test_one_that_nanwatch_is_kept_out_of(tmp_path: Path, hand: Hand, option: str, inherits: bool) -> None:
    command = [
        sys.executable,
        option,
        "-c",
        "import os; print(os.environ.get('PYTHONPATH'), dict(os.environ))",
    ]
    env = None if inherits else environment()

    def seen() -> bytes:
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True).stdout

    watched = seen()
    run = Path(hand.handed.folder) if hand.handed is not None else tmp_path
    hand.give_back()
    assert watched == seen()
    assert GIVEN.encode() not in watched
    (told,) = read_unseen(run)
    assert told.option == f"-{option[-1]}"
    assert told.command.startswith(f"{sys.executable} {option} -c import os; print(")


def test_another_environment(tmp_path: Path, hand: Hand) -> None:
    venv.create(tmp_path / "other", symlinks=True, with_pip=False)
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "worker.py").write_text("import sys, keras\nprint([n for n in sys.modules if 'nanw' in n])\n")
    python = str(tmp_path / "other" / "bin" / "python")
    given = environment()
    given.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python, "worker.py", "--api-key", "k"], cwd=tmp_path, env=given, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"keras is imported\n[]\n", b"")
    assert list(read_unseen(tmp_path / "run")) == [ChildNotWatched(f"{python} worker.py --api-key ***")]


def test_where_no_run_can_be_written_to(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    os.rmdir(tmp_path / "run")
    command = [sys.executable, "-c", "import keras"]
    assert ended(tmp_path, *command) == Ended(0, b"keras is imported\n", b"")
    assert ended(tmp_path, sys.executable, "-I", "-c", "print(1)") == Ended(0, b"1\n", b"")


def test_what_leaves_a_child_shows_no_frame_of_nanwatchs(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "worker.py").write_text(
        "import keras\n\n\n"
        "def fail():\n    1 / 0\n\n\n"
        "from nanwatch.watch.keras_seam.patches import pass_through\n"
        "pass_through(fail)\n"
    )
    done = child(tmp_path, "worker.py")
    assert done.status == 1
    assert done.stderr.count(b'  File "') == 2
    assert b"patches.py" not in done.stderr


def test_a_path_that_was_handed_on_without_the_rest(tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(LOOK)
    alone = child(tmp_path, "look.py", PYTHONPATH=HERE).stdout
    assert alone.startswith(b"None [")
    given = child(tmp_path, "look.py", PYTHONPATH=f"{HERE}{os.pathsep}/theirs").stdout
    assert given.startswith(b"/theirs [")
    assert HERE.encode() not in alone + given


def test_it_does_nothing_as_a_module_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    importlib.import_module("nanwatch.watch.launch.in_children.sitecustomize")
    assert os.environ["PYTHONPATH"] == "/theirs"


def test_it_is_turned_off(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "worker.py").write_text(HEARD)
    assert child(tmp_path, "worker.py", NANWATCH_DISABLE="1").stdout == b"keras is imported\nFalse\n"


def test_a_nanwatch_run_in_a_child_has_a_run_of_its_own(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "worker.py").write_text(
        "import sys\nprint([f for f in sys.meta_path if 'Keras' in repr(f)])\n"
    )
    done = ended(tmp_path, *MODULE, "run", "worker.py")
    assert done.stdout.count(b"KerasFinder") == 2
    assert b"KerasComes" not in done.stdout
    assert [path.name for path in (tmp_path / "run").iterdir()] == []
    assert len(list((tmp_path / "logs").glob("*/run.json"))) == 1


def test_what_was_put_there_is_given_back(tmp_path: Path) -> None:
    import _posixsubprocess

    places = [(os, "execve"), (os, "posix_spawn"), (os, "posix_spawnp"), (subprocess, "_fork_exec")]
    places += [(_posixsubprocess, "fork_exec")]
    before = [getattr(module, name) for module, name in places]
    hand = Hand(Handed("raise", 0, sys.prefix, str(tmp_path)))
    hand.take()
    assert not any(getattr(module, name) in before for module, name in places)
    hand.give_back()
    assert [getattr(module, name) for module, name in places] == before
    shown = subprocess.run(["env"], capture_output=True, text=True).stdout
    assert GIVEN not in shown
    assert HERE not in shown


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("python worker.py -I", ""),
        ("/usr/bin/python3.11 -I worker.py", "-I"),
        ("python -u -B -E -m worker", "-E"),
        ("python -W ignore -S worker.py", "-S"),
        ("python -Wignore -X dev -OE worker.py", "-E"),
        ("python -c I", ""),
        ("python -mE", ""),
        ("python -uc -I", ""),
        ("python -", ""),
        ("python --check-hash-based-pycs always -I w.py", ""),  # nobody starts one so
        ("bash -E worker.sh", ""),
        ("", ""),
    ],
)
def test_the_option_that_keeps_nanwatch_out(command: str, option: str) -> None:
    assert option_of(command.split()) == option


def test_an_old_python_understands_what_it_finds(tmp_path: Path) -> None:
    """Python 2.7 has no such word as `nonlocal`, no annotations, no f-strings."""
    source = Path(HERE, "sitecustomize.py").read_text(encoding="ascii")
    for word in ("nonlocal", "->", 'f"', "async", ":=", "raise from", "print "):
        assert word not in source


def test_a_child_that_imports_no_keras_pays_next_to_nothing(tmp_path: Path, hand: Hand) -> None:
    code = "import sys; print(sorted(sys.modules))"
    watched = child(tmp_path, "-c", code).stdout
    hand.give_back()
    bare = child(tmp_path, "-c", code).stdout
    more = set(ast.literal_eval(watched.decode())) - set(ast.literal_eval(bare.decode()))
    assert not {name.partition(".")[0] for name in more} & {"nanwatch", "json", "importlib", "typing", "re"}
    assert len(more) < 15  # contextlib, and what it imports


def test_the_nanwatch_of_the_run_is_taken(tmp_path: Path, hand: Hand) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    (tmp_path / "nanwatch.py").write_text("raise RuntimeError('another one')\n")
    (tmp_path / "worker.py").write_text("import sys, keras\nprint(sys.modules['nanwatch'].__file__)\n")
    done = child(tmp_path, "worker.py", PYTHONPATH="")
    assert done == Ended(0, f"keras is imported\n{nanwatch.__file__}\n".encode(), b"")
    assert nanwatch_in_child.HANDS == []
