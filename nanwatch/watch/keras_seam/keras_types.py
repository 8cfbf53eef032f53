"""What is asked of Keras's and TensorFlow's objects, as Protocols: neither has types that could be checked.

Only what nanwatch itself uses stands here. A name that is private to Keras or TensorFlow stands behind the
adapter instead. What TensorFlow's own functions give is `Any` to a checker, and is given one of these types
where it comes into a function of nanwatch's; ``tf.Tensor`` is written where a result goes back to TensorFlow.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

P = ParamSpec("P")  # the arguments of a function that is wrapped
R = TypeVar("R")  # what it gives

Array = npt.NDArray[Any]
Weights = Sequence[npt.NDArray[np.generic]]  # arrays, one for each variable
# A tensor, or tensors in tuples, lists and dicts, as Keras hands them on; `keras.tree` tells what is in it.
Structure = Any
# What Keras makes of a step: it makes as many as go into one execution, of an iterator's batches.
StepFunction = Callable[[Iterator[Structure]], Structure]


class DType(Protocol):
    """A dtype of TensorFlow's."""

    name: str  # "float32"
    size: int  # bytes of an element
    is_floating: bool
    is_integer: bool
    is_bool: bool
    as_numpy_dtype: type[np.generic]


class TensorShape(Protocol):
    """The static shape of a tensor; None for what is not known while it is traced."""

    rank: int | None

    def as_list(self) -> list[int | None]: ...
    def is_compatible_with(self, other: Sequence[int | None]) -> bool: ...
    def num_elements(self) -> int | None: ...
    @overload
    def __getitem__(self, key: int, /) -> int | None: ...
    @overload
    def __getitem__(self, key: slice, /) -> TensorShape: ...


class Tensor(Protocol):
    """A tensor: of a graph that is traced, or an eager one, which alone has `numpy` and a buffer."""

    dtype: DType
    shape: TensorShape

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> Op: ...
    @property
    def device(self) -> str: ...
    @property
    def graph(self) -> Graph: ...
    def consumers(self) -> Sequence[Op]: ...
    def numpy(self) -> Array: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def set_shape(self, shape: Sequence[int | None]) -> None: ...
    def __getitem__(self, key: Any, /) -> Tensor: ...
    def __add__(self, other: Any, /) -> Tensor: ...
    def __sub__(self, other: Any, /) -> Tensor: ...
    def __gt__(self, other: Any, /) -> Tensor: ...


class KerasTensor(Protocol):
    """A tensor of a functional model's graph, of which nothing is computed."""

    shape: tuple[int | None, ...]


class Op(Protocol):
    """An op of a traced graph."""

    name: str
    type: str  # "MatMul"
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    control_inputs: Sequence[Op]
    traceback: Sequence[LineOfCode] | None  # the innermost last
    graph: Graph


class LineOfCode(Protocol):
    """A frame of the stack on which an op was made."""

    filename: str
    lineno: int
    name: str  # of the function


class Graph(Protocol):
    """The graph of a function that is traced."""

    name: str
    captures: Sequence[tuple[Tensor, Tensor]]  # (outside, inside)
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    variables: Sequence[Any]  # that its ops read or write
    version: int  # how many ops it has by now

    def get_collection_ref(self, name: str) -> list[Any]: ...
    def get_operations(self) -> Sequence[Op]: ...
    def as_graph_def(self) -> Any: ...
    def capture(self, tensor: Tensor) -> Tensor: ...


class Variable(Protocol):
    """A variable of Keras's."""

    path: str
    name: str
    shape: Sequence[int]
    dtype: str
    trainable: bool

    @property
    def value(self) -> Any: ...
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
    output: Structure  # of `KerasTensor`; an error where no graph tells it

    def get_config(self) -> dict[str, Any]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Structure: ...


class Optimizer(Protocol):
    """An optimizer of Keras's."""

    built: bool
    iterations: Variable
    variables: Sequence[Variable]
    learning_rate: Any  # a variable, or a number; set with a number

    def get_config(self) -> dict[str, Any]: ...
    def scale_loss(self, loss: Any) -> Any: ...
    def build(self, variables: Sequence[Variable]) -> None: ...
    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> Any: ...


class DTypePolicy(Protocol):
    """In which dtypes a layer computes and keeps its variables."""

    name: str  # "mixed_float16"


class Strategy(Protocol):
    """A strategy of ``tf.distribute``."""

    num_replicas_in_sync: int

    def experimental_distribute_values_from_function(self, value_of: Callable[[Any], Any]) -> Any: ...

    def scope(self) -> contextlib.AbstractContextManager[object]: ...


class CallbackList(Protocol):
    """The callbacks of a fit."""

    callbacks: list[Any]
    params: dict[str, Any]


class Model(Layer, Protocol):
    """A model of Keras's. One that has no graph of its own has no inputs and outputs."""

    inputs: Sequence[KerasTensor]
    outputs: Sequence[KerasTensor]
    dtype_policy: DTypePolicy
    distribute_strategy: Strategy
    optimizer: Optimizer | None
    metrics: Sequence[Any]
    losses: Sequence[Any]  # what its layers add to the loss
    jit_compile: bool
    run_eagerly: bool
    steps_per_execution: int
    stop_training: bool
    train_function: StepFunction | None
    test_function: StepFunction | None

    def train_step(self, data: Structure) -> Structure: ...
    def test_step(self, data: Structure) -> Structure: ...
    def make_train_function(self, force: bool = False) -> StepFunction | None: ...
    def make_test_function(self, force: bool = False) -> StepFunction | None: ...
    def compute_loss(self, x: Structure, y: Structure, y_pred: Structure) -> Any: ...
    def reset_metrics(self) -> None: ...
    def get_metrics_result(self) -> dict[str, Any]: ...


class Loss(Protocol):
    """A loss object of Keras's."""

    def __call__(self, y_true: Structure, y_pred: Structure) -> Tensor: ...


# An optimizer's method of that name; given no variables it takes those it was built on.
Apply = Callable[[Sequence[Tensor | None], Sequence[Variable] | None], object]


class Gradient(NamedTuple):
    """What an optimizer is given for one variable; the tensor may be ``tf.IndexedSlices``, or missing."""

    value: Tensor | None
    variable: Variable
