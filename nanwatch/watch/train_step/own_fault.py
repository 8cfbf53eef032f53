"""Whether nanwatch may be to blame for the failure of a step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import CodeType

from nanwatch.errors import NanwatchError
from nanwatch.watch.keras_seam.public_tensorflow import is_end_of_data, is_op_error
from nanwatch.watch.launch.user_lines import OWN
from nanwatch.watch.train_step.own_ops import failed_nodes, is_own

# Functions of nanwatch's that hand a call on to the script, to Keras or to TensorFlow as it came: what is
# raised beneath them is none of nanwatch's doing. Beneath any other it may be.
PASSING_ON = frozenset(
    {
        *("execute", "train_step", "test_step", "core", "placed", "pass_through"),
        *("call_seen", "see_operation", "register_for_graph"),
        *("see_call", "see_prediction", "see_loss", "see_target", "keep_result", "call", "apply", "decide"),
        *("call_model", "observe_call", "call_loss", "apply_optimizer", "call_function", "differentiate"),
        *("see_loss_call", "apply_unseen", "record_construction", "own"),
        *("run", "step", "one_step", "with_more", "see_update", "forward_pass"),
    }
)
EAGER = "{{function_node __wrapped__"  # how TensorFlow names an op that was run by itself


class OpFailed(NanwatchError):
    """An op of nanwatch's has failed in a step."""


def is_end(error: BaseException) -> bool:
    """Whether a data set or an iterator says so that it has come to its end: no fault of anybody's."""
    return isinstance(error, StopIteration | GeneratorExit) or is_end_of_data(error)


def nodes_of(error: Exception) -> list[str]:
    """The ops that failed, as far as the error names them."""
    return failed_nodes(error) if is_op_error(error) else []


def fault_words(error: Exception) -> str:
    """What failed and how, without the lines of the graph's making that TensorFlow tells with it."""
    nodes = nodes_of(error)
    if not nodes:
        return str(error)
    lines = [line.strip() for line in str(error).splitlines()]
    told = [
        line for line in lines if line and not line.startswith(("File ", "[[", "Detected ", "Graph exec"))
    ]
    return f"{nodes[0]}: {told[-1] if told else ''}"


def may_be_own(error: Exception) -> bool:
    """Whether a step that failed with ``error`` might not have failed without nanwatch."""
    if is_op_error(error) and EAGER not in str(getattr(error, "message", "")):
        nodes = nodes_of(error)
        return not nodes or any(map(is_own, nodes))
    if isinstance(error, NanwatchError):  # its frames may be hidden
        return True
    codes = list(codes_of(error))
    own = [code for code in codes if is_own_code(code)]
    return bool(own) and (own[-1] is codes[-1] or own[-1].co_name not in PASSING_ON)


def codes_of(error: BaseException) -> Iterator[CodeType]:
    """What ran when ``error`` was raised, the innermost last."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code
        traceback = traceback.tb_next


def is_own_code(code: CodeType) -> bool:
    return os.path.abspath(code.co_filename).startswith(OWN)
