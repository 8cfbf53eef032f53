"""A Python that has TensorFlow imported, and forks for each command that is run in it.

The import takes three seconds of CPU, and many a training here less than one. A command finds what
``python`` would show it: its arguments, folder, environment, streams and ``__main__``, and a Python
that ends as ever. ``keras`` itself has been forgotten again, so that the script imports it before the
eyes of whoever waits for that. What is about starting, importing or being killed wants a process that
is new in truth.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

LARGEST = 2**20  # bytes of a request


class Completed(NamedTuple):
    status: int
    stdout: bytes
    stderr: bytes


# -- asking it -------------------------------------------------------------------------------------


def run_warm(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float = 300,
) -> Completed:
    """``python ARGUMENTS`` in ``folder``, as ``subprocess.run`` would have it."""
    request = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as answers:
            send(json.dumps(request).encode(), [given.fileno(), out.fileno(), err.fileno(), writing])
            os.close(writing)
            process = int(answers.readline())
            if not select.select([answers], [], [], timeout)[0]:
                os.kill(process, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout)
            status = int(answers.readline())
        for stream in (out, err):
            stream.seek(0)
        return Completed(status, out.read(), err.read())


SENDING = threading.Lock()


def send(request: bytes, descriptors: list[int]) -> None:
    with SENDING:
        socket.send_fds(server(), [request], descriptors)


@functools.cache
def server() -> socket.socket:
    """What is sent here is run. The server ends with this process, which waits for it."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
    kept = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    process = subprocess.Popen(
        [sys.executable, __file__, str(its.fileno())],
        pass_fds=[its.fileno()],
        env={**kept, **path, "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    its.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# -- being it --------------------------------------------------------------------------------------


class Request(NamedTuple):
    arguments: list[str]
    folder: str
    environment: dict[str, str]


def serve(requests: socket.socket) -> Request:
    """Fork for each request, and answer with it: in the child."""
    import keras  # noqa: F401, and TensorFlow with it
    import tensorflow  # noqa: F401

    del sys.modules["keras"]
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, reap)
    while True:
        message, descriptors, *_ = socket.recv_fds(requests, LARGEST, 4)
        if not message:
            os._exit(0)
        if not os.fork():
            break
        for descriptor in descriptors:
            os.close(descriptor)
    requests.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answers = descriptors
    keep(answers)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return Request(**json.loads(message))


def reap(*_: object) -> None:
    """Nobody else waits for the keepers."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def keep(answers: int) -> None:
    """Fork once more, and tell of the child who it is and how it ended; returns in the child."""
    child = os.fork()
    if not child:
        os.close(answers)
        return
    os.write(answers, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(request: Request) -> None:
    """As if Python had just been started with these."""
    import numpy

    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    numpy.random.seed()
    program, *arguments = request.arguments
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    if program == "-m":
        module, *arguments = arguments
        sys.argv, sys.path[0] = ["-m", *arguments], os.getcwd()
        vars(runpy)["_run_module_as_main"](module)
        return
    sys.argv, sys.path[0] = request.arguments, os.path.dirname(os.path.realpath(program))
    path = os.path.join(os.getcwd(), program)
    main.__dict__.update(__file__=path, __builtins__=__builtins__)
    exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), main.__dict__)


if __name__ == "__main__":
    become(serve(socket.socket(fileno=int(sys.argv[1]))))
