"""What nanwatch asks of Keras beyond its public names, or that not every Keras answers alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any, Protocol

from nanwatch.watch.keras_seam.keras_types import (
    Array,
    KerasTensor,
    Layer,
    Model,
    Operation,
    Optimizer,
    P,
    R,
    StepFunction,
    Structure,
    Tensor,
    Variable,
)
from nanwatch.watch.keras_seam.patches import Patches, Wrapper
from nanwatch.watch.keras_seam.places import Place


class KerasSeam(Protocol):
    """One Keras. `adapter.seam` chooses it."""

    # -- layers and variables

    def layers_of(self, model: Model) -> list[tuple[str, Layer]]:
        """(path, layer) of every layer below ``model``, in the order they were added; paths unique."""

    def operations_of(self, model: Model) -> list[Operation]:
        """The operations of a functional graph that are no layers (``ops.sqrt(x)``), nested models' too."""

    def wrap_call(self, patches: Patches, layer: Operation, wrapper: Wrapper) -> None:
        """`Patches.wrap` on the ``call`` of one layer or operation, which is called as Keras does it."""

    def files_of_calls(self) -> frozenset[str]:
        """The files in which a function ``__call__`` calls a layer's, or an operation's, ``call``."""

    def file_of_trainer(self) -> str:
        """The file of what calls ``train_step``, and the file's ``fit`` and ``train_on_batch``."""

    def own_variables(self, layer: Layer) -> list[Variable]:
        """The variables that ``layer`` itself holds, not those of layers inside it."""

    def state_variables(self, model: Model) -> list[Variable]:
        """What a forward pass may change: moving statistics, counters, seeds of random layers.

        Weights frozen with ``trainable = False`` are not among them.
        """

    def owned_state(self, model: Model) -> list[tuple[Variable, Layer]]:
        """(variable, layer that holds it) of what a forward pass may change, but for seeds and metrics."""

    def variables_of(self, model: Model) -> list[Variable]:
        """The weights and states of ``model``, and the variables of the optimizers that it holds."""

    def weights_of(self, model: Model) -> Sequence[Variable]:
        """The weights of ``model``; none while they are not made."""

    def path_of(self, variable: Variable) -> str:
        """The name of a variable that no other variable of its model has."""

    def tensorflow_variable(self, variable: Variable) -> Any:
        """The ``tf.Variable`` behind a variable; one that is its own stays."""

    def variable_class(self) -> type[Any]:
        """The class that all variables of Keras's are of."""

    def name_in_layer(self, variable: Variable) -> str:
        """What the layer calls the variable: "kernel"."""

    def draw_again(self, initializer: Any, shape: Sequence[int]) -> Array | None:
        """What an initializer of Keras's has given a variable; None where it gives something else now."""

    # -- what ``compile`` made

    def metric_variables(self, model: Model) -> list[Variable]:
        """The variables of the metrics, as far as they have been made."""

    def build_metrics(self, model: Model, y: Structure, y_pred: Structure) -> None:
        """Make the metrics' variables now, as the first update of the metrics would."""

    def user_losses(self, model: Model) -> object:
        """What ``compile`` was given as loss, as it was given."""

    def losses_of(self, model: Model) -> list[tuple[str, object]]:
        """(key of the output, its loss object); empty where they are not resolved yet."""

    def shares_of_loss(self, model: Model) -> dict[str, tuple[str, float]]:
        """Of a model whose loss is a sum: key of the output -> the name under which its part is logged, and
        its weight. The name is "" where another part has the same. Empty where the loss is one."""

    def losses_apart(
        self,
        compiled: Any,
        y: Structure,
        y_pred: Structure,
        sample_weight: Structure,
        instead: Mapping[str, Any],
    ) -> dict[str, Tensor]:
        """The parts that `compiled_loss` makes its sum of, not weighted, by the keys of the outputs.

        ``instead``: other losses of some.
        """

    def loss_arguments(self, loss: object) -> dict[str, Any]:
        """The keyword arguments a loss object passes to its function (``from_logits``, ...)."""

    def loss_functions(self, model: Model) -> list[object]:
        """The functions behind the losses of ``compile``, where a loss wraps one; else the loss's class."""

    def data_loss(self, model: Model, y: Structure, y_pred: Structure, sample_weight: Structure) -> Tensor:
        """What ``compile``'s loss makes of ``y_pred``, without the penalties of the layers; a scalar."""

    def compiled_loss(self, model: Model) -> Any:
        """What ``compile`` made of the losses; its ``call`` is what ``compute_loss`` takes of the data.

        None where ``compute_loss`` is not Keras's: a script's own may make anything of it.
        """

    def penalty(self, model: Model) -> Tensor | None:
        """What Keras has just added to the loss of the data, a scalar; None where there is none, or where
        `compiled_loss` tells it."""

    def is_compiled_by_xla(self, model: Model) -> bool:
        """Whether Keras compiles the step of ``model`` with XLA."""

    def make_without_xla(self, model: Model, make: Callable[..., object], which: str) -> StepFunction:
        """What ``make(model, force=True)`` puts as the function ``which``, without Keras's own XLA in it."""

    def steps_per_execution(self, model: Model) -> int:
        """How many steps Keras makes in one call of what it compiled."""

    # -- optimizers

    def optimizers_of(self, model: Model) -> list[Optimizer]:
        """Every optimizer that ``model`` holds: ``compile``'s, and those of a ``train_step`` of its own."""

    def kept_by(self, optimizer: Optimizer) -> Sequence[Variable]:
        """The variables of ``optimizer``: what it counts, and keeps of every weight."""

    def is_built(self, optimizer: Optimizer) -> bool:
        """Whether `build` has nothing left to do."""

    def makes_variables(self, model: Model) -> bool:
        """Whether a first trace of Keras's own ``train_step`` of ``model`` will make variables: those of its
        metrics, or what its optimizer keeps for each weight."""

    def build(self, optimizer: Optimizer, variables: Sequence[Variable]) -> None:
        """Make the variables that ``optimizer`` needs to train ``variables``, as its first update would."""

    def trained_by(self, optimizer: Optimizer) -> list[Variable]:
        """The variables that ``optimizer`` was built on."""

    def learning_rate_given(self, optimizer: Optimizer) -> object:
        """What the optimizer was given as its rate: a variable, or a schedule."""

    def is_loss_scaling(self, optimizer: Optimizer) -> bool:
        """Whether ``optimizer`` scales the loss as it sees fit, and skips the updates that overflow."""

    def scale_of_loss(self, optimizer: Optimizer) -> Variable | float | None:
        """The factor by which ``optimizer`` scales the loss, or None."""

    def scale_of_gradients(self, optimizer: Optimizer) -> Variable | float | None:
        """The factor that is still on the gradients that ``optimizer`` is given, or None."""

    def wrap_updates(self, patches: Patches, optimizer: Optimizer, see: Callable[..., object]) -> None:
        """Have ``see(optimizer, original, grads, variables)`` called in the place of each update that this
        optimizer makes; ``original(grads, variables)`` makes it."""

    def scale_loss(self, optimizer: Optimizer, loss: Tensor) -> Tensor:
        """``loss`` as it is to be differentiated for this optimizer."""

    def unscaled(self, optimizer: Optimizer, grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
        """The gradients of `scale_loss` as `apply` wants them."""

    def config_with_rate(self, optimizer: Optimizer, rate: float | None) -> dict[str, Any]:
        """What another one is made of by ``from_config``; None: with the rate that it has."""

    def apply(
        self, optimizer: Optimizer, grads: Sequence[Tensor | None], variables: Sequence[Variable]
    ) -> object:
        """Make an update."""

    # -- functions

    def compile(
        self, function: Callable[P, R], jit_compile: bool | None = None, reduce_retracing: bool | None = None
    ) -> Callable[P, R]:
        """``tf.function`` of nanwatch's own ``function``; what Keras calls in it is traced as in a fit."""

    # -- the graph of a functional model

    def inbound_operations(self, layer: Layer) -> list[Operation]:
        """The operations that feed ``layer``, over all its calls."""

    def making_of(self, tensor: KerasTensor) -> tuple[Operation, int, list[KerasTensor]] | None:
        """Of a tensor of a model's graph: what made it, as which of its outputs, and from what."""

    def graph_outputs(self, model: Model) -> Structure:
        """The outputs of a model's own graph, in the structure it returns them; None where there is none."""

    def output_names(self, model: Model) -> list[str]:
        """The names of the outputs, in their order; none where there are none."""

    # -- a training as it runs

    def frame_of_fit(self, frame: FrameType | None) -> FrameType | None:
        """The frame of the innermost running ``fit`` of Keras, from ``frame`` outwards."""

    def fit_arguments(self, frame: FrameType | None) -> dict[str, Any] | None:
        """The arguments of the innermost running ``fit`` of Keras, data already split; else None."""

    def carries_logits(self, tensor: Tensor) -> bool:
        """Whether a loss that wants logits finds them behind this output of a softmax or sigmoid."""

    def run_without_effect(self, model: Model) -> contextlib.AbstractContextManager[None]:
        """Calls of ``model`` in this block change no variable, and leave the layers' lists of losses."""

    def replicas_of(self, model: Model) -> int:
        """How many replicas the model's strategy keeps in step."""

    def is_distributed(self, model: Model) -> bool:
        """Whether ``model`` was made under a strategy of ``tf.distribute``, be it for one replica."""

    # -- structures of tensors: tuples, lists and dicts in one another; None is a leaf

    def flatten(self, structure: Structure) -> list[Any]:
        """The leaves, those of a dict in the order of its sorted keys."""

    def flatten_with_path(self, structure: Structure) -> list[tuple[tuple[Any, ...], Any]]:
        """(keys and positions that lead to it, leaf) of each leaf; of a lone one ()."""

    def map_structure(self, function: Callable[..., Any], *structures: Structure) -> Structure:
        """What ``function`` makes of each leaf, in the structure that they are in."""

    def pack_sequence_as(self, structure: Structure, leaves: Sequence[Any]) -> Structure:
        """``leaves`` in the place of those of ``structure``."""

    # -- Keras itself

    def flat_tensors(self, structure: Structure) -> Sequence[Any]:
        """The leaves of a structure, but for None."""

    def is_keras_own(self, thing: object) -> bool:
        """Whether the code of a class or function is Keras's, so that it is known what it does."""

    def trainer(self) -> type:
        """The class that defines ``compile``: Keras asks whether a model has a ``compile`` of its own, and
        then loads a saved one without compiling it."""

    def tracebacks(self) -> ModuleType:
        """The module whose ``_EXCLUDED_PATHS`` Keras leaves out of the tracebacks of errors."""

    def places(self, owner: str, name: str) -> Sequence[Place] | None:
        """Where this Keras has ``name`` of ``owner``, a row of the table of seams; None: by these names."""
