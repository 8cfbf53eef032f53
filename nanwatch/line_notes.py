"""From ``import nanwatch`` on it is noted which line makes a layer: a `Watch` passed by hand tells of it.

``nanwatch`` itself comes by here, in a folder that may hold a typing.py: nothing is imported before Keras is.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class KerasAwaited:
    """Stands in ``sys.meta_path`` until Keras is imported; of any other import it knows but the name."""

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if fullname != "keras":
            return None
        wait_no_more()
        try:
            from nanwatch.watch.import_hook import KerasFinder

            return KerasFinder("keras", note_lines).find_spec(fullname, path)
        except Exception:  # the script's import goes on, and its lines are not known
            return None


AWAITED = KerasAwaited()


def note_lines_from_now() -> None:
    """Begin with what is made next, where Keras is there; else once it is."""
    keras = sys.modules.get("keras")
    if keras is None:
        if AWAITED not in sys.meta_path:
            sys.meta_path.insert(0, AWAITED)
    else:
        note_lines(keras)


def note_lines(keras: "ModuleType") -> None:
    try:
        from nanwatch.watch.import_hook import note_lines_by_hand

        note_lines_by_hand(keras)
    except Exception:  # as above
        return


def wait_no_more() -> None:
    """Somebody else notes the lines from now on: ``nanwatch run``."""
    if AWAITED in sys.meta_path:
        sys.meta_path.remove(AWAITED)
