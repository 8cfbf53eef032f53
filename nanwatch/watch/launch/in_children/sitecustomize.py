"""Executed by each Python that a watched script starts, before anything of the script's own.

That Python may be of another environment, without nanwatch, or of another version: what stands here is
understood by all of them. It leaves the process as it would have been found, and then lets the Python's own
``sitecustomize`` take its place.
"""

import os
import sys

HERE = os.path.dirname(__file__)
GIVEN = "_NANWATCH_CHILD"  # the environment's word for what is handed on; see `nanwatch_in_child`


def leave_no_trace():
    """Take what was handed on out of this process's sight; its children are given it anew."""
    given, paths = os.environ.pop(GIVEN, None), os.environ.pop("PYTHONPATH", "")
    sys.path[:] = [path for path in sys.path if path != HERE]
    sys.path_importer_cache.pop(HERE, None)
    rest = paths.partition(HERE + os.pathsep)[2]
    had_an_empty_one = given is not None and given.startswith("0|")
    if rest or had_an_empty_one:
        os.environ["PYTHONPATH"] = rest
    return given


def begin():
    try:
        import nanwatch_in_child as child
    except Exception:
        child = None
    sys.modules.pop("nanwatch_in_child", None)
    given = leave_no_trace()
    if child is not None and given is not None:
        child.begin(given)


if __name__ == "sitecustomize":
    try:
        begin()
    except Exception:
        pass
    del sys.modules["sitecustomize"]
    import sitecustomize  # noqa: F401
