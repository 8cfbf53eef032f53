"""What is asked of Keras's and TensorFlow's objects, as Protocols: neither has types that could be checked.

Only what nanwatch itself uses stands here. A name that is private to Keras or TensorFlow stands behind the
adapter instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# A tensor, or tensors in tuples, lists and dicts, as Keras hands them on; `keras.tree` tells what is in it.
Structure = Any


class DType(Protocol):
    """A dtype of TensorFlow's."""

    name: str  # "float32"
    size: int  # bytes of an element
    is_floating: bool
    is_integer: bool
    is_bool: bool


class TensorShape(Protocol):
    """The static shape of a tensor; None for what is not known while it is traced."""

    rank: int | None

    def as_list(self) -> list[int | None]: ...
    def is_fully_defined(self) -> bool: ...
    def num_elements(self) -> int | None: ...
    def __getitem__(self, key: Any, /) -> Any: ...


class Tensor(Protocol):
    """A tensor: of a graph that is traced, or an eager one, which alone has `numpy`."""

    dtype: DType
    shape: TensorShape

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> Op: ...
    @property
    def graph(self) -> Graph: ...
    def numpy(self) -> Array: ...
    def __getitem__(self, key: Any, /) -> Any: ...


class Op(Protocol):
    """An op of a traced graph."""

    name: str
    type: str  # "MatMul"
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    graph: Graph
    traceback: Any  # frames with ``filename`` and ``lineno``, the innermost last


class Graph(Protocol):
    """The graph of a function that is traced."""

    name: str
    captures: Sequence[tuple[Tensor, Tensor]]  # (outside, inside)
    inputs: Sequence[Tensor]

    def get_operations(self) -> Sequence[Op]: ...


class Variable(Protocol):
    """A variable of Keras's."""

    path: str
    name: str
    shape: Sequence[int]
    dtype: str
    trainable: bool

    def assign(self, value: Any) -> Any: ...
    def numpy(self) -> Array: ...


class Operation(Protocol):
    """An operation of a functional graph: a layer, or ``ops.sqrt(x)``."""

    name: str


class Layer(Operation, Protocol):
    """A layer of Keras's."""

    path: str
    built: bool
    trainable: bool
    compute_dtype: str
    weights: Sequence[Variable]
    variables: Sequence[Variable]
    trainable_variables: Sequence[Variable]

    def get_config(self) -> dict[str, Any]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Structure: ...


class Optimizer(Protocol):
    """An optimizer of Keras's."""

    built: bool
    iterations: Variable
    variables: Sequence[Variable]
    learning_rate: Any  # a variable, or a number; set with a number

    def build(self, variables: Sequence[Variable]) -> None: ...
    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> Any: ...


class Model(Layer, Protocol):
    """A model of Keras's."""

    optimizer: Optimizer | None
    metrics: Sequence[Any]
    jit_compile: bool
    run_eagerly: bool
    steps_per_execution: int
    stop_training: bool
    train_function: Any
    test_function: Any

    def train_step(self, data: Structure) -> Mapping[str, Any]: ...
    def test_step(self, data: Structure) -> Mapping[str, Any]: ...
    def make_train_function(self, force: bool = False) -> Any: ...
    def make_test_function(self, force: bool = False) -> Any: ...
    def compute_loss(self, *args: Any, **kwargs: Any) -> Any: ...
    def reset_metrics(self) -> None: ...


Weights = Sequence[npt.NDArray[np.generic]]  # arrays, one for each variable
Gradient = tuple[Tensor | None, Variable]  # the gradient may be ``tf.IndexedSlices``
