"""Under ``nanwatch run`` a script behaves as under ``python``: status, output, traceback, files."""

from __future__ import annotations

import py_compile
import re
import signal
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

from nanwatch.record.read import read_run
from tests.side_by_side import (
    COMMAND,
    MODULE,
    Ended,
    ended,
    ended_warm,
    environment,
    under_nanwatch,
    under_python,
)

FACTS = """
import sys, os, signal, threading, warnings
module = sys.modules["__main__"]
print(sys.argv, sys.path, os.getcwd())
print(__name__, __file__, __spec__, __package__, __doc__, __cached__, __annotations__)
print(type(__loader__).__name__, __loader__.path, __loader__.name, sorted(globals()))
print(module.__dict__ is globals(), sys.excepthook is sys.__excepthook__, sys.gettrace())
print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.getrecursionlimit())
print(sys.flags, sys.warnoptions, warnings.filters, threading.active_count())
print([name for name in os.environ if name.startswith("NANWATCH")])
"""

SCRIPTS = {
    "ends": "print('one')\nprint('two', flush=True)\n",
    "exit with a number": "import sys\nprint('out')\nsys.exit(5)\n",
    "exit with a negative number": "import sys\nsys.exit(-1)\n",
    "exit with 256": "import sys\nsys.exit(256)\n",
    "exit with True": "import sys\nsys.exit(True)\n",
    "exit with nothing": "raise SystemExit\n",
    "exit with a text": "import sys\nsys.exit('no data set')\n",
    "exit with a tuple": "import sys\nsys.exit((1, 2))\n",
    "exit past atexit": "import os\nprint('x', flush=True)\nos._exit(4)\n",
    "exception": "def f(a):\n    return 1 / a\n\n\nprint('before')\nf(0)\n",
    "exception of a library": "import json\njson.loads('{')\n",
    "exception with a cause": (
        "def f():\n    raise KeyError('k')\n\n\n"
        "try:\n    f()\nexcept KeyError as error:\n    raise ValueError('v') from error\n"
    ),
    "exception in a handler": "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError('k')\n",
    "exception with a note": "error = ValueError('x')\nerror.add_note('a note')\nraise error\n",
    "exception group": (
        "def f():\n    raise KeyError('k')\n\n\n"
        "try:\n    f()\nexcept KeyError as error:\n"
        "    raise ExceptionGroup('g', [error, ExceptionGroup('h', [TypeError(1)])])\n"
    ),
    "exception that is no Exception": "class End(BaseException): pass\n\n\nraise End('x')\n",
    "exception in a thread": (
        "import threading\n\n\ndef f():\n    1 / 0\n\n\n"
        "t = threading.Thread(target=f, name='t')\nt.start()\nt.join()\nprint('on')\n"
    ),
    "exception in asyncio": ("import asyncio\n\n\nasync def main():\n    1 / 0\n\n\nasyncio.run(main())\n"),
    "syntax error": "print('x')\ndef f(:\n    pass\n",
    "wrong indent": "def f():\n    return\n\tx\n",
    "keyboard interrupt raised": "raise KeyboardInterrupt\n",
    "keyboard interrupt sent": (
        "import os, signal, time\nprint('x')\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n"
    ),
    "terminated": "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(9)\n",
    "excepthook of its own": (
        "import sys, traceback\n\n\ndef hook(kind, error, tb):\n"
        "    print(kind, error, [frame.name for frame in traceback.extract_tb(tb)])\n\n\n"
        "sys.excepthook = hook\n1 / 0\n"
    ),
    "excepthook that fails": (
        "import sys\n\n\ndef hook(kind, error, tb):\n    raise ValueError('h')\n\n\n"
        "sys.excepthook = hook\n1 / 0\n"
    ),
    "excepthook that exits": (
        "import sys\n\n\ndef hook(kind, error, tb):\n    sys.exit(7)\n\n\nsys.excepthook = hook\n1 / 0\n"
    ),
    "last exception": (
        "import atexit, sys\natexit.register(lambda: print(repr(sys.last_value), sys.last_type))\n1 / 0\n"
    ),
    "warnings": (
        "import warnings\nwarnings.warn('w')\nwarnings.warn('d', DeprecationWarning)\n"
        "warnings.warn('p', PendingDeprecationWarning)\nwarnings.warn('w')\n"
    ),
    "warning as error": "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('w')\n",
    "logging": (
        "import logging\nlogging.warning('w')\nlogging.getLogger('a').error('e')\nlogging.info('i')\n"
    ),
    "atexit": (
        "import atexit\natexit.register(print, 'registered first')\n"
        "atexit.register(print, 'registered last')\nprint('end')\n"
    ),
    "object deleted at the end": (
        "class Last:\n    def __del__(self):\n        print('deleted')\n\n\nlast = Last()\nprint('end')\n"
    ),
    "thread that outlives the script": (
        "import threading, time\n\n\ndef f():\n    time.sleep(0.2)\n    print('thread')\n\n\n"
        "threading.Thread(target=f).start()\nprint('end')\n"
    ),
    "threads, a pool of them and a process that outlive it": (
        "import atexit, multiprocessing, sys, threading, time\n"
        "from concurrent.futures import ThreadPoolExecutor\n\n\n"
        "def late(seconds, what):\n    time.sleep(seconds)\n    print(what, flush=True)\n\n\n"
        "def watch():\n    threading.main_thread().join()\n    late(0.3, 'the main thread is over')\n\n\n"
        "atexit.register(print, 'hook', flush=True)\n"
        "pool = ThreadPoolExecutor(1)\n"
        "for number in range(2):\n    pool.submit(late, 0.1, number)\n"
        "threading.Thread(target=watch).start()\n"
        "multiprocessing.get_context('fork').Process(target=late, args=(1.0, 'process')).start()\n"
        "sys.exit('said before they end')\n"
    ),
    "stdin": "import sys\nprint(sys.stdin.isatty(), sys.stdin.read().upper())\n",
    "input": "print(repr(input('name? ')), repr(input()))\n",
    "input at the end of the file": "input()\ninput()\ninput()\n",
    "stdout closed": "import sys\nprint('x')\nsys.stdout.close()\n",
    "stdout gone": "import sys\nprint('x')\nsys.stdout = None\n",
    "stderr gone": "import sys\nprint('x')\nsys.stderr = None\n1 / 0\n",
    "bytes on stdout": "import sys\nsys.stdout.buffer.write(b'\\xff\\n')\nprint('x')\n",
    "child process": (
        "import os\nprint('parent', flush=True)\nchild = os.fork()\n"
        "if not child:\n    print('child')\n    raise SystemExit(3)\n"
        "print(os.waitpid(child, 0)[1])\n"
    ),
    "environment set first": (
        "import os, sys\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'\n"
        "heavy = ('tensorflow', 'keras', 'tf_keras', 'numpy', 'jax', 'torch', 'h5py', 'rich')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    ),
    "pickle": (
        "import pickle\n\n\nclass A:\n    pass\n\n\n"
        "print(type(pickle.loads(pickle.dumps(A()))) is A, A.__module__, pickle.dumps(A()))\n"
    ),
    "source of itself": (
        "import inspect\n\n\ndef f(): return 1\n\n\nprint(inspect.getsource(f), inspect.getfile(f))\n"
    ),
    "future": "from __future__ import annotations\n\n\ndef f(a: b): ...\n\n\nprint(f.__annotations__)\n",
    "no future of ours": "def f(a: int): ...\n\n\nprint(f.__annotations__)\n",
    "docstring and annotations": '"""Doc."""\nprint(__doc__)\nx: int = 1\nprint(__annotations__)\n',
    "excepthook deleted": "import sys\ndel sys.excepthook\n1 / 0\n",
    "excepthook that is interrupted": (
        "import sys\n\n\ndef hook(*error):\n    raise KeyboardInterrupt\n\n\nsys.excepthook = hook\n1 / 0\n"
    ),
    "text without stderr": "import sys\nsys.stderr = None\nsys.exit('text')\n",
    "all descriptors closed": (
        "import atexit, os, warnings\nprint('x', flush=True)\nos.closerange(3, 256)\n"
        "files = [open(name, 'w') for name in ('one', 'two', 'three')]\n"
        "print([file.fileno() for file in files])\nwarnings.warn('w')\n\n\n"
        "def end():\n"
        "    for file in files:\n        file.write(file.name)\n        file.close()\n"
        "        print(open(file.name).read())\n\n\n"
        "atexit.register(end)\n"
    ),
    "modules cleared": "import sys\nsys.modules.clear()\nprint('x')\n",
    "modules forgotten": (
        "import sys\nfor name in set(sys.modules) - {'sys', 'builtins', '__main__'}:\n"
        "    del sys.modules[name]\nimport json\nprint(json.dumps({'a': 1}))\n1 / 0\n"
    ),
    "modules denied": (
        "import sys\nfor name in ('json', 'click', 'nanwatch.explain', 'nanwatch.cli', 're'):\n"
        "    sys.modules[name] = None\nprint('x')\n"
    ),
    "finders cleared": "import sys\nsys.meta_path.clear()\nsys.path.clear()\nsys.path_hooks.clear()\n",
    "imports replaced": (
        "import builtins, sys\nsys.path, sys.meta_path, sys.modules = [], [], {}\n\n\n"
        "def denied(*arguments, **names):\n    raise ImportError\n\n\nbuiltins.__import__ = denied\n"
    ),
    "recursion limit low": "import sys\nsys.setrecursionlimit(40)\nprint('x')\n",
    "recursion near the limit": (
        "import sys\n\n\ndef f(n):\n    return n and 1 + f(n - 1)\n\n\n"
        "print(f(sys.getrecursionlimit() - 20))\nsys.setrecursionlimit(150)\nprint(f(130))\n"
    ),
    "trace function left": (
        "import atexit, sys, threading\n\n\ndef trace(frame, event, argument):\n"
        "    print(event, frame.f_code.co_name)\n    return trace\n\n\n"
        "atexit.register(lambda: print(sys.gettrace() is trace))\nsys.settrace(trace)\n"
    ),
    "handler of interrupts left": (
        "import atexit, signal\n\n\ndef heed(*_): ...\n\n\nsignal.signal(signal.SIGINT, heed)\n"
        "atexit.register(lambda: print(signal.getsignal(signal.SIGINT) is heed))\n"
    ),
    "stderr closed": "import sys\nprint('x')\nsys.stderr.close()\n",
    "descriptor of stderr closed": "import os\nprint('x')\nos.close(2)\n",
    "descriptor of stderr taken": "import os\nos.close(2)\nfile = open('own.txt', 'w')\nfile.write('x')\n",
    "latin-1": "# coding: latin-1\nprint(ascii('\xe9'))\n",
    "facts": FACTS,
}


def same(project: Path, *arguments: str, stdin: bytes = b"") -> Ended:
    """What both give; they must not differ."""
    python = under_python(project, *arguments, stdin=stdin)
    nanwatch = under_nanwatch(project, *arguments, stdin=stdin)
    assert nanwatch == python
    return python


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script(project: Path, name: str) -> None:
    encoding = "latin-1" if name == "latin-1" else "utf-8"
    (project / "script.py").write_bytes(SCRIPTS[name].encode(encoding))
    same(project, "script.py", stdin=b"Ada\nB\xc3\xb6b\n")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ends", 0),
        ("exit with a number", 5),
        ("exit with a text", 1),
        ("exception", 1),
        ("keyboard interrupt sent", -signal.SIGINT),
        ("terminated", -signal.SIGTERM),
    ],
)
def test_the_comparison_sees_the_status(project: Path, name: str, status: int) -> None:
    """What the table above rests on: the scripts do end as their names say."""
    (project / "script.py").write_text(SCRIPTS[name])
    assert under_nanwatch(project, "script.py").status == status


@pytest.mark.parametrize("by", [MODULE, COMMAND], ids=["python -m nanwatch", "nanwatch"])
@pytest.mark.parametrize("script", ["script.py", "./script.py", "../project/script.py", "deep/down.py"])
def test_where_a_script_finds_itself(project: Path, script: str, by: tuple[str, ...]) -> None:
    (project / "deep").mkdir()
    for name in ("script.py", "deep/down.py"):
        (project / name).write_text(FACTS + "# --quiet and --log-dir are this script's own\n")
    arguments = (script, "a", "--quiet", "-m", "--log-dir=x", "--", "-h")
    assert under_nanwatch(project, *arguments, by=by) == under_python(project, *arguments)


def test_the_paths_of_a_linked_script(project: Path) -> None:
    (project / "real").mkdir()
    (project / "real" / "script.py").write_text(FACTS)
    (project / "link.py").symlink_to("real/script.py")
    same(project, "link.py")


@pytest.mark.parametrize("module", ["package", "package.part", "package.broken", "alone"])
def test_a_module(project: Path, module: str) -> None:
    package = project / "package"
    package.mkdir()
    (package / "__init__.py").write_text("print('package', __name__)\n")
    (package / "__main__.py").write_text(FACTS + "from package import part\n")
    (package / "part.py").write_text(FACTS.replace("__spec__", "__spec__.name"))
    (package / "broken.py").write_text("from package import part\n1 / 0\n")
    (project / "alone.py").write_text("import sys\nprint(sys.argv, sys.path[0])\nsys.exit(2)\n")
    python = under_python(project, "-m", module, "a", "-m", "--quiet")
    nanwatch = under_nanwatch(project, "-m", module, "a", "-m", "--quiet")
    assert without_addresses(nanwatch) == without_addresses(python)


def without_addresses(result: Ended) -> Ended:
    """A loader's ``repr`` ends in where it lies in memory."""
    return result._replace(stdout=re.sub(rb"0x[0-9a-f]{8,}", b"0x", result.stdout))


@pytest.mark.parametrize("module", ["json.missing", "os.path"])
def test_a_module_that_is_not_there(project: Path, module: str) -> None:
    result = same(project, "-m", module)
    assert (result.status == 0) == (module == "os.path")


@pytest.mark.parametrize("shebang", [None, "/usr/bin/env python3"])
@pytest.mark.parametrize("argument", ["ends", "fails", "exits"])
def test_a_zip_file_with_a_main(project: Path, argument: str, shebang: str | None) -> None:
    (project / "job").mkdir()
    (project / "job" / "__main__.py").write_text(MAIN)
    zipapp.create_archive(project / "job", project / "job.pyz", interpreter=shebang)
    same(project, "job.pyz", argument)


MAIN = """
import sys
print(sys.argv, sys.path[0], __file__, __name__, __package__, __cached__, type(__loader__), sorted(globals()))
if sys.argv[1] == "fails":
    1 / 0
sys.exit(7 if sys.argv[1] == "exits" else 0)
"""


@pytest.mark.parametrize("argument", ["ends", "fails"])
@pytest.mark.parametrize("name", ["main.pyc", "main", "job/__main__.pyc"])
def test_byte_code(project: Path, name: str, argument: str) -> None:
    (project / "job").mkdir()
    (project / "main.py").write_text(MAIN)
    py_compile.compile(str(project / "main.py"), str(project / name))
    same(project, "job" if name.startswith("job") else name, argument)


def test_what_is_no_byte_code(project: Path) -> None:
    (project / "main.pyc").write_text("print(1)\n")
    assert same(project, "main.pyc").status == 1


FROM_A_PIPE = b"""
import sys
print(sys.argv, __file__, type(__loader__), sorted(globals()), repr(sys.stdin.read()))
def f():
    1 / 0
f()
"""


@pytest.mark.parametrize("script", ["-", "/dev/stdin"])
def test_a_script_from_a_pipe(project: Path, script: str) -> None:
    assert b"ZeroDivisionError" in same(project, script, "a", stdin=FROM_A_PIPE).stderr


def test_a_script_from_another_command(project: Path) -> None:
    (project / "script.py").write_bytes(FROM_A_PIPE)
    python, nanwatch = (
        ended(project, "bash", "-c", " ".join([*by, "<(cat script.py)", "a"]))
        for by in ((sys.executable,), (*MODULE, "run", "--quiet", "--log-dir", "../records"))
    )
    assert b"ZeroDivisionError" in python.stderr
    assert nanwatch == python


@pytest.mark.parametrize("script", ["script.py", "job", "-m"])
def test_a_safe_path(project: Path, script: str) -> None:
    (project / "job").mkdir()
    for name in ("script.py", "job/__main__.py"):
        (project / name).write_text("import sys\nprint(sys.path)\nimport beside\n")
    (project / "beside.py").touch()
    arguments = ["-m", "script"] if script == "-m" else [script]
    python = under_python(project, *arguments, PYTHONSAFEPATH="1")
    assert (python.status, b"beside" in python.stderr) == (1, script != "-m")
    nanwatch = under_nanwatch(project, *arguments, PYTHONSAFEPATH="1")
    assert nanwatch._replace(stderr=b"") == python._replace(stderr=b"")
    assert nanwatch.stderr.endswith(python.stderr.rpartition(b":")[2])


@pytest.mark.parametrize("end", ["", "sys.exit(5)\n", "1 / 0\n"])
def test_inspecting(project: Path, end: str) -> None:
    (project / "script.py").write_text(f"import sys\nprint('x')\n{end}")
    python = under_python(project, "script.py", PYTHONINSPECT="1")
    assert under_nanwatch(project, "script.py", PYTHONINSPECT="1") == python


@pytest.mark.parametrize("redirected", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("end", ["", "sys.exit(4)", "sys.exit('text')", "1 / 0"])
def test_streams_that_take_nothing(project: Path, redirected: str, end: str) -> None:
    """Whether or not there is something to report."""
    text = f"import sys\nprint('x')\nopen('own.txt', 'w').write('own')\n{end}\n"
    (project / "script.py").write_text(text)
    results = [
        ended(project, "bash", "-c", " ".join([*by, "script.py", redirected]))
        for by in (
            (sys.executable,),
            (*MODULE, "run", "--quiet", "--log-dir", "../records"),
            (*MODULE, "run", "--log-dir", "../records"),
        )
    ]
    python, quiet_one, nanwatch = results
    assert quiet_one == python
    assert (nanwatch.status, nanwatch.stdout) == (python.status, python.stdout)
    assert (project / "own.txt").read_text() == "own"


NEIGHBOURS = ["random", "click", "rich", "json", "hashlib", "typing", "signal", "logging", "keras"]


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_neighbour_that_nobody_means_to_import(project: Path, name: str) -> None:
    (project / f"{name}.py").write_text("raise SystemExit('imported')\n")
    (project / "script.py").write_text("print('x')\n")
    assert same(project, "script.py").stdout == b"x\n"
    report = under_nanwatch(project, "script.py", options=()).stderr.decode()
    assert report.count("trained no Keras model") == 1
    assert "error" not in report


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_neighbour_that_the_script_imports(project: Path, name: str) -> None:
    (project / f"{name}.py").write_text("neighbour = 1\n")
    (project / "script.py").write_text(f"import {name}\nprint({name}.neighbour)\n")
    assert same(project, "script.py").stdout == b"1\n"
    report = under_nanwatch(project, "script.py", options=()).stderr.decode()
    assert report.count("trained no Keras model") == 1
    assert "error" not in report


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_script_named_like_a_module(project: Path, name: str) -> None:
    (project / f"{name}.py").write_text("print(__name__)\nimport json, random, string\nprint('x')\n")
    assert same(project, f"{name}.py").stdout.startswith(b"__main__\n")


def test_a_keras_that_cannot_be_imported(project: Path) -> None:
    (project / "keras.py").write_text("1 / 0\n")
    (project / "script.py").write_text(
        "import traceback\ntry:\n    import keras\nexcept ZeroDivisionError:\n    traceback.print_exc()\n"
        "import keras\n"
    )
    same(project, "script.py")


def test_few_frames_stand_beneath_a_script(project: Path) -> None:
    (project / "script.py").write_text("import inspect\nprint(len(inspect.stack()))\n")
    frames = int(under_nanwatch(project, "script.py", by=COMMAND).stdout)
    assert frames <= 6


def test_a_folder_with_a_main(project: Path) -> None:
    (project / "job").mkdir()
    (project / "job" / "__main__.py").write_text("import sys\nprint(sys.argv, sys.path[0])\n1 / 0\n")
    same(project, "job", "a")


def test_processes_that_are_spawned(project: Path) -> None:
    (project / "script.py").write_text(
        "import multiprocessing, os\n\n\n"
        "def square(number):\n    return number * number\n\n\n"
        "def fail(number):\n    raise ValueError(number)\n\n\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    with context.Pool(2) as pool:\n"
        "        print(pool.map(square, range(5)))\n"
        "        try:\n            pool.map(fail, [3])\n"
        "        except ValueError as error:\n            print('told', error)\n"
        "    child = context.Process(target=fail, args=(1,))\n"
        "    child.start()\n    child.join()\n    print(child.exitcode)\n"
    )
    result = without_process_names(same_but(project, without_process_names, "script.py"))
    assert result.stdout == b"[0, 1, 4, 9, 16]\ntold 3\n1\n"


def same_but(project: Path, less: object, *arguments: str) -> Ended:
    assert callable(less)
    python, nanwatch = under_python(project, *arguments), under_nanwatch(project, *arguments)
    assert less(nanwatch) == less(python)
    return python


def without_process_names(result: Ended) -> Ended:
    return result._replace(stderr=re.sub(rb"SpawnProcess-\d+", b"SpawnProcess", result.stderr))


def test_only_the_parent_makes_a_run_folder(project: Path) -> None:
    (project / "script.py").write_text(
        "import multiprocessing\n\n\ndef f(n):\n    return n\n\n\n"
        "if __name__ == '__main__':\n"
        "    for kind in ('spawn', 'fork'):\n"
        "        with multiprocessing.get_context(kind).Pool(2) as pool:\n"
        "            print(pool.map(f, [1, 2]))\n"
    )
    result = under_nanwatch(project, "script.py")
    assert result.stdout == b"[1, 2]\n[1, 2]\n"
    assert len(list((project.parent / "records").glob("*/run.json"))) == 1


def test_nothing_is_written_beside_the_script(project: Path) -> None:
    (project / "part.py").write_text("x = 1\n")
    (project / "script.py").write_text("import part\nopen('own.txt', 'w').write('own')\n")
    before = files(project)
    under_nanwatch(project, "script.py")
    new = files(project) - before
    assert {name for name in new if "__pycache__" not in name} == {"own.txt"}
    assert all("part" in name for name in new if name.endswith(".pyc"))


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", ["python", "nanwatch"])
def test_a_reader_that_goes_away(project: Path, command: str) -> None:
    """``script | head``: a full pipe nobody reads is the script's affair, and has python's words."""
    (project / "script.py").write_text("import time\ntime.sleep(0.3)\nprint('x' * 100)\n")
    start = (
        [sys.executable] if command == "python" else [*MODULE, "run", "--quiet", "--log-dir", "../records"]
    )
    process = subprocess.Popen(
        [*start, "script.py"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 120
    assert said.startswith(b"Exception ignored in: <_io.TextIOWrapper name='<stdout>'")
    assert said.endswith(b"BrokenPipeError: [Errno 32] Broken pipe\n")
    assert said.count(b"\n") == 2


TRAINING = """
import os, sys
import numpy as np
import keras

keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x = rng.normal(size=(96, 8)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
model = keras.Sequential([
    keras.Input((8,)),
    keras.layers.Dense(16, "relu"),
    keras.layers.Dropout(0.1),
    keras.layers.BatchNormalization(),
    keras.layers.Dense(1, "sigmoid"),
])
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.summary()
print(model.fit(x, y, epochs=3, verbose=2, validation_split=0.25).history)
print(model.fit(x, y, epochs=2, verbose=2, steps_per_epoch=2).history)
print(model.evaluate(x, y, verbose=2), model.predict(x[:3], verbose=0))
state = [*model.get_weights(), *[keras.ops.convert_to_numpy(v) for v in model.optimizer.variables]]
np.savez(os.environ["WEIGHTS"], *state)
print(len(model.train_on_batch(x[:32], y[:32])))
print("done")
model.fit(x[:, :3], y, verbose=0)
"""


@pytest.mark.tensorflow
def test_a_training(project: Path) -> None:
    """A healthy fit, and then one whose arrays do not fit the model, which TensorFlow refuses."""
    import numpy as np

    (project / "script.py").write_text(TRAINING)
    python = under_python(project, "script.py", WEIGHTS="../python.npz")
    nanwatch = under_nanwatch(project, "script.py", WEIGHTS="../nanwatch.npz")
    assert python.status == 1
    assert python.stdout.endswith(b"done\n")
    assert nanwatch.status == python.status
    assert timeless(nanwatch.stdout) == timeless(python.stdout)
    expected, found = (
        np.load(project.parent / f"{name}.npz", allow_pickle=False) for name in ("python", "nanwatch")
    )
    with expected, found:
        assert found.files == expected.files
        for name in expected.files:
            assert found[name].tobytes() == expected[name].tobytes(), name
    assert b"quick_execute" in python.stderr
    assert quiet(nanwatch.stderr).startswith(quiet(python.stderr))
    assert b"click" not in nanwatch.stderr


NUMPY_BEHAVIOR = """
import numpy as np
import tensorflow as tf
import keras

tf.experimental.numpy.experimental_enable_numpy_behavior()
keras.utils.set_random_seed(1)
x = np.random.default_rng(1).normal(size=(64, 8)).astype("float32")
y = (x[:, 0] > 0).astype("int32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
print(model.fit(x, y, verbose=0, validation_split=0.25).history)
optimizer, measure = keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy()

@tf.function
def step(rows, labels):
    with tf.GradientTape() as tape:
        loss = measure(labels, model(rows, training=True))
    weights = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return loss

print([float(step(x[at : at + 8], y[at : at + 8])) for at in range(0, 64, 8)])
print([weight.tolist() for weight in model.get_weights()])
"""


@pytest.mark.tensorflow
def test_tensors_that_behave_as_numpys(project: Path) -> None:
    """An operator means something else then, also where nanwatch would use it."""
    (project / "script.py").write_text(NUMPY_BEHAVIOR)
    records = project.parent / "records"
    python = ended_warm(project, sys.executable, "script.py")
    nanwatch = ended_warm(project, *MODULE, "run", "--quiet", "--log-dir", str(records), "script.py")
    assert python.status == 0
    assert nanwatch[:2] == python[:2]
    (folder,) = (path.parent for path in records.glob("*/run.json"))
    run = read_run(folder)
    assert [fit.info.kind for fit in run.fits] == ["fit", "tape"]
    assert run.info.errors == ()


EXIT_HOOKS = """
import atexit
import threading

import numpy as np
import tensorflow as tf
import keras

keras.utils.set_random_seed(1)
x = np.random.default_rng(1).normal(size=(96, 8)).astype("float32")
y = (x[:, :1] > 0).astype("float32")


def made():
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(), "mse")
    return model


model, other, optimizer = made(), made(), keras.optimizers.SGD()


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        loss = keras.losses.MeanSquaredError()(y, model(x, training=True))
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    return loss


def train():
    print(model.fit(x, y, epochs=2, verbose=0).history, made().fit(x, y, epochs=2, verbose=0).history)
    print(other.train_on_batch(x[:32], y[:32]), made().train_on_batch(x[:32], y[:32]))
    print([float(step(x[:32], y[:32])) for _ in range(3)])
    model.save("model.keras")
    print(keras.models.load_model("model.keras").evaluate(x, y, verbose=0))


def wait_and_train():
    ended.wait()
    train()


atexit.register(train)
train()
ended = threading.Event()
thread = threading.Thread(target=wait_and_train)
thread.start()
threading._register_atexit(ended.set)
print("end")
"""


@pytest.mark.tensorflow
def test_trainings_after_the_end(project: Path) -> None:
    """A thread that outlives the script is watched; in an exit hook what was patched has been given back."""
    (project / "script.py").write_text(EXIT_HOOKS)
    python = under_python(project, "script.py")
    nanwatch = under_nanwatch(project, "script.py")
    assert (python.status, nanwatch.status) == (0, 0)
    assert nanwatch.stdout == python.stdout
    assert b"Traceback" not in nanwatch.stderr
    (folder,) = (path.parent for path in (project.parent / "records").glob("*/run.json"))
    run = read_run(folder)
    assert (run.info.errors, run.info.status) == ((), "finished")
    of_script = ["fit"] * 2 + ["train_on_batch"] * 2 + ["tape"]
    of_thread = ["fit"] * 2 + ["train_on_batch"]  # and more steps of what was trained before
    assert [fit.info.kind for fit in run.fits] == of_script + of_thread
    assert [fit.info.steps for fit in run.fits] == [6, 6, 2, 1, 6, 6, 6, 1]


def timeless(stdout: bytes) -> bytes:
    return re.sub(rb"\d+(ms|s|us)(/step|/epoch)?", b"TIME", stdout)


def quiet(stderr: bytes) -> bytes:
    """What is said without TensorFlow's log, and without numbers it counts its functions with."""
    lines = [
        line
        for line in stderr.split(b"\n")
        if not re.match(rb"[IWE]\d{4} |WARNING: All log messages before absl", line)
    ]
    return re.sub(rb"_\d+\]", b"]", b"\n".join(lines))
