"""The ops that nanwatch adds to a step bear its name, so that they can be told from the script's."""

from __future__ import annotations

import contextlib
import re

import tensorflow as tf

SCOPE = "nanwatch"
IN_SCOPE = re.compile(rf"(^|/){SCOPE}(_\d+)?/")
# How TensorFlow names the op that failed, and the calls around it.
NODES = re.compile(r"\{\{node ([^}]+)\}\}|^Detected at node (\S+) defined at|^\s*\[\[([\w./-]+)\]\]", re.M)


def own_ops() -> contextlib.AbstractContextManager[object]:
    """What is added to the traced step in this block is nanwatch's; an eager op has no name."""
    return contextlib.nullcontext() if tf.executing_eagerly() else tf.name_scope(SCOPE)


def is_own(name: str) -> bool:
    """Whether the op of this name is one that nanwatch added."""
    return IN_SCOPE.search(name) is not None


def failed_nodes(error: tf.errors.OpError) -> list[str]:
    """The names of the ops in which a step failed, as far as the error tells them."""
    found = [name for match in NODES.findall(error.message or "") for name in match if name]
    return list(dict.fromkeys(found))
