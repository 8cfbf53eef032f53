"""What a run knows about itself: the tables of its JSON files, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from nanwatch.record.notes import HeldBack, IncidentNote, NotWatched, OwnError
from nanwatch.record.tables import NumberText
from nanwatch.record.watchpoints import Role

Status = Literal["running", "finished", "halted", "crashed", "killed"]
Nonfinite = Literal["nan", "inf", "-inf"]
FitKind = Literal["fit", "train_on_batch", "tape"]
OnIncident = Literal["raise", "stop", "continue"]
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook, which no file holds, and the ``lines`` of it, from ``first`` on, to be shown."""

    number: int = 0  # what the notebook counted it by when it ran: In [4]; 0 where that is not known
    first: int = 1
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Location:
    """A line of the user's own code. ``file`` is absolute; ``code`` is the line, stripped.

    In a ``cell`` of a notebook ``file`` is what Python calls it by, and no path.
    """

    file: str
    line: int
    code: str = ""
    cell: Cell | None = None


@dataclass(frozen=True)
class AdaptedInfo:
    """What a `Normalization` takes away and divides by, column by column, where they are no more than 64."""

    means: tuple[float, ...] = ()
    variances: tuple[float, ...] = ()


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a model, nested layers included, in the order of the forward pass."""

    path: str
    name: str
    type: str  # the class's name: "Dense"
    activation: str | None = None  # "relu", "softmax", "linear"; None where the layer has none
    units: int | None = None  # units or filters
    output_shape: Shape | None = None
    trainable: bool = True
    initializer: str | None = None  # class name of the kernel's initializer
    begins_as: float | None = None  # of a layer of the script's own: all that its first matrix holds
    dtype: str = "float32"  # compute dtype
    inbound: tuple[str, ...] = ()  # paths of the layers that feed it, where the graph tells
    weights: tuple[str, ...] = ()  # paths of its own variables
    config: dict[str, Any] = field(default_factory=dict)  # JSON-safe part of get_config()
    location: Location | None = None
    called: str = ""  # by the script, where Keras made the name: the attribute that holds it
    adapted: AdaptedInfo | None = None  # of a Normalization that has its statistics
    frozen: Location | None = None  # the line that set trainable=False, where one did


@dataclass(frozen=True)
class WeightInfo:
    path: str
    shape: Shape
    dtype: str = "float32"
    trainable: bool = True
    layer: str = ""  # path of the owning layer


@dataclass(frozen=True)
class LossInfo:
    """The loss of one output.

    ``name`` is Keras's canonical function name ("binary_crossentropy", ...), or "custom".
    """

    name: str
    given: str = ""  # how the script gave it: a string, a class or a function, in words
    from_logits: bool | None = None
    label_smoothing: float = 0.0
    ignore_class: int | None = None
    metric: bool = False  # it is one of Keras's metrics, and no loss
    config: dict[str, Any] = field(default_factory=dict)
    logged: str = ""  # of one of several outputs: the name of its mean in the logs, "price_loss"
    weight: float = 1.0  # of it in the sum of several


@dataclass(frozen=True)
class OutputInfo:
    """One output of a model, the layer that decides its range, and its loss.

    ``path`` is the key under which the watchpoints of role "output" and "label" are recorded.
    ``activation`` is the effective one: that of an `Activation` or `Softmax` layer behind the
    head counts, a `Reshape` is looked through. "unknown" where the graph does not tell.
    """

    path: str
    head: str | None = None  # path of the layer with the weights
    activation_layer: str | None = None  # path of the layer that applies the activation
    activation: str = "unknown"
    units: int | None = None  # size of the last axis
    shape: Shape | None = None
    softmax_axis_size: int | None = None  # size of the axis a softmax normalises over
    loss: LossInfo | None = None
    dropout: str | None = None  # path of a layer behind the head that drops some of what comes out
    unwrapped: bool | None = None  # the loss goes past the activation to its logits; None: not known


@dataclass(frozen=True)
class LossCall:
    """A call of one of Keras's losses in a step of the script's own, which no output tells of."""

    loss: LossInfo
    label_shape: Shape = ()
    output_shape: Shape = ()
    layer: str | None = None  # path of the layer that gave the predictions, through reshapes and ops
    layer_type: str = ""
    activation: str = "unknown"  # of the predictions
    unwrapped: bool = False  # Keras goes past the activation, to the logits
    location: Location | None = None  # of the call
    made_at: Location | None = None  # where the script made the loss
    layer_made_at: Location | None = None


@dataclass(frozen=True)
class OptimizerInfo:
    type: str  # "Adam"
    learning_rate: float | None = None  # the first value
    schedule: str | None = None  # class name of a LearningRateSchedule
    config: dict[str, Any] = field(default_factory=dict)
    location: Location | None = None  # its construction, where the script made it
    schedule_location: Location | None = None  # that of the schedule


@dataclass(frozen=True)
class ModelInfo:
    name: str
    type: str  # "Sequential", "Functional", or the subclass's name
    layers: tuple[LayerInfo, ...] = ()
    weights: tuple[WeightInfo, ...] = ()
    outputs: tuple[OutputInfo, ...] = ()
    optimizer: OptimizerInfo | None = None
    metrics: tuple[str, ...] = ()
    dtype_policy: str = "float32"
    jit_compile: bool = False
    run_eagerly: bool = False
    steps_per_execution: int = 1
    custom_train_step: bool = False
    location: Location | None = None  # where the model was constructed
    compile_location: Location | None = None
    called: str = ""  # by the script, where Keras made the name: the attribute or variable that holds it


@dataclass(frozen=True)
class ColumnSummary:
    """One feature (position on the last axis) of a tensor, over all rows seen."""

    index: int
    num_nan: int = 0
    num_inf: int = 0
    min: float = 0.0
    max: float = 0.0
    mean: float = 0.0
    std: float = 0.0


@dataclass(frozen=True)
class TensorSummary:
    """What passed through one watchpoint of the data, over all batches looked at.

    min, max, mean and std are over the finite elements. Counts are of elements.
    """

    role: Role
    path: str
    dtype: str = "float32"
    shape: Shape = ()
    rows: int = 0  # rows looked at
    size: int = 0
    num_nan: int = 0
    num_pos_inf: int = 0
    num_neg_inf: int = 0
    num_zero: int = 0
    min: float = 0.0
    max: float = 0.0
    mean: float = 0.0
    std: float = 0.0
    deviation: float | None = None  # mean distance from the median of its column, of labels read whole
    integral: bool = False  # every finite element is a whole number
    columns: tuple[ColumnSummary, ...] = ()  # for rank 2 and at most 4096 features; else the bad ones
    classes: dict[NumberText, int] = field(default_factory=dict)  # value -> count, at most 1000 values
    classes_complete: bool = True
    row_sum_min: float | None = None  # sums over the last axis, where it has more than one element
    row_sum_max: float | None = None
    rows_not_summing_to_one: int = 0
    one_hot: bool = False  # every row is all 0 but for a single 1
    bad_rows: tuple[int, ...] = ()  # rows with a non-finite element, where row numbers are known
    example: tuple[float, ...] = ()  # a few elements, for the reader


@dataclass(frozen=True)
class DataInfo:
    """The data of a fit. ``whole``: the arrays were read in full before the first step.

    ``labels_counted``: they came batch by batch, and the summaries of the labels are of every batch.
    """

    inputs: tuple[TensorSummary, ...] = ()
    labels: tuple[TensorSummary, ...] = ()
    sample_weights: tuple[TensorSummary, ...] = ()
    predictions: tuple[TensorSummary, ...] = ()  # the model's outputs in the batches looked at
    whole: bool = False
    labels_counted: bool = False


@dataclass(frozen=True)
class BroadcastInfo:
    """An op on the way to the loss in which labels meet predictions of another rank.

    Both inputs are as the step was given or made them, but for casts. The shapes are those of the
    traced step: None for the size of a batch that may vary.
    """

    type: str  # "Sub"
    label: str  # key of the labels
    label_shape: Shape
    output: str  # key of the output
    output_shape: Shape
    shape: Shape  # of the op's own output
    location: Location | None = None  # the user's line of the op


@dataclass(frozen=True)
class FlatPart:
    """A line of a loss of the script's own that has no slope: of a metric, or an argmax."""

    kind: Literal["metric", "argmax"]
    location: Location | None = None


@dataclass(frozen=True)
class TokenInput:
    """Floats of the input that go into an embedding as they are."""

    layer: str  # path of the embedding
    input: str  # key of the input
    columns: tuple[int, ...] = ()  # of it, on the last axis; () for all


@dataclass(frozen=True)
class UntrackedVariable:
    """A variable that may be trained and that a layer reads, but that Keras does not know of.

    In the fit it was not seen to change.
    """

    layer: str  # path of the layer that holds it; "" where that is the model
    type: str  # class of that layer, or of the model
    attribute: str = ""  # of it, that the variable is in; "" where it is held elsewhere
    shape: Shape = ()
    location: Location | None = None  # where the attribute gets its value, else where it is read


@dataclass(frozen=True)
class MovingVariance:
    """What a `BatchNormalization` goes by in inference, and what the rows have: medians of its channels."""

    layer: str  # its path
    moving: float
    batch: float


@dataclass(frozen=True)
class InferenceInfo:
    """The same training rows on the last weights, in training mode and in inference mode.

    The losses are those of the data, without penalties; the accuracies a classifier's.
    """

    rows: int
    loss_training: float
    loss_inference: float
    accuracy_training: float | None = None
    accuracy_inference: float | None = None
    variances: tuple[MovingVariance, ...] = ()  # of the layers that normalise by the batch


@dataclass(frozen=True)
class AnswerLosses:
    """What a loss of the script's own makes of answers to labels between 0 and 1, of the same shape."""

    right: float  # of the labels themselves
    opposite: float  # of 1 - the labels


@dataclass(frozen=True)
class MonitorInfo:
    """A callback that does what it does by a number of the logs."""

    callback: str  # its class: "EarlyStopping"
    monitor: str  # the key of the logs: "val_recall"


@dataclass(frozen=True)
class ArgumentInfo:
    """A variable that a call of ``fit`` was given, and the line that last made it."""

    argument: Literal["x", "y"]
    name: str
    location: Location


# "dataset" is one of tf.data; "batches" come from a generator, a PyDataset or a loader.
GivenAs = Literal["arrays", "dataset", "batches"]


@dataclass(frozen=True)
class FitInfo:
    """One training: a call of fit, a series of train_on_batch, or a GradientTape loop."""

    index: int
    kind: FitKind = "fit"
    model: int = 0  # index into RunInfo.models
    status: Status = "running"
    steps: int = 0
    epochs: int = 0  # epochs begun
    epochs_asked: int | None = None
    steps_per_epoch: int | None = None
    batch_size: int | None = None
    class_weight: dict[str, float] | None = None
    validation: bool = False
    validation_split: float = 0.0
    shuffle: bool | None = None
    data: DataInfo = DataInfo()
    validation_data: DataInfo = DataInfo()
    not_watched: tuple[NotWatched, ...] = ()
    watched: int = 0  # watchpoints
    no_gradient: tuple[str, ...] = ()  # variables whose gradient is None: the loss does not depend on them
    flat_parts: tuple[FlatPart, ...] = ()  # of the loss
    token_inputs: tuple[TokenInput, ...] = ()
    untracked: tuple[UntrackedVariable, ...] = ()  # what is read and nobody trains
    trainable: int | None = None  # number of trainable variables; None: not known
    replicas: int = 1  # in sync, under tf.distribute
    location: Location | None = None  # the call of fit
    made: tuple[ArgumentInfo, ...] = ()  # what it was given, where the script tells by itself
    given_as: GivenAs | None = None  # what the data came as; None: not known, or a loop's
    last_batch: DataInfo = DataInfo()  # of the step that raised, where one did
    error: str | None = None  # the exception that ended it, in one line
    seconds: float = 0.0  # wall time of the training
    watch_seconds: float = 0.0  # of it, spent in nanwatch outside the compiled step
    unwatched_from: int | None = None  # the step in which an op of nanwatch's own failed
    cut_short: bool = False  # by a check, that lets only the first steps be trained
    broadcasts: tuple[BroadcastInfo, ...] | None = None  # None: the way to the loss was not looked at
    inference: InferenceInfo | None = None  # where it was tried at the end of the fit
    guess_loss: float | None = (
        None  # the least loss of a constant answer, where the loss itself was asked for it
    )
    answer_losses: AnswerLosses | None = None  # where it was asked for them as well
    # Of several outputs, by their paths: the same of each, and what each came to where the logs do not tell.
    guess_losses: dict[str, float] = field(default_factory=dict)
    output_losses: dict[str, float] = field(default_factory=dict)
    weights_not_held: int | None = None  # bytes of first weights that were too many to be held for trials
    saves_seen: bool = False  # every save of the weights left an event "save"
    input_location: Location | None = None  # of an eager loop: where the model is given its input
    idle_metrics: tuple[str, ...] = ()  # of a step of the script's own: that no training step has updated
    monitors: tuple[MonitorInfo, ...] | None = None  # None: the callbacks were not seen
    # Of an optimizer that takes a scale off the gradients: whether it was asked to put it on the loss.
    loss_scaled: bool | None = None
    loss_calls: tuple[LossCall, ...] = ()  # in a step of the script's own
    loss_location: Location | None = None  # of a step of the script's own: the line of what it differentiates
    brief: bool = False  # kept in short, for others that came behind it: how it ended, and not how it went


@dataclass(frozen=True)
class Operand:
    """One input of an op: the values it had at the places where the output went bad.

    Of the ``whole`` tensor where its shape says nothing of those places. ``low`` and ``high`` are of
    the finite values, None where there is none.
    """

    name: str  # what it is to the op: "denominator"; "input 0" where that has no name
    low: float | None = None
    high: float | None = None
    first: float | None = None  # the value in the first bad place; None where that is not known
    size: int = 0  # values that were looked at
    dtype: str = "float32"
    num_nan: int = 0
    num_pos_inf: int = 0
    num_neg_inf: int = 0
    whole: bool = False


@dataclass(frozen=True)
class MetConstant:
    """A constant of the script's that a value met, as its number format has it: 1e-8 is 0 in float16."""

    type: str  # of the op in which they met: "AddV2", "Minimum"
    value: float


@dataclass(frozen=True)
class OpInfo:
    """An op of the autopsy: the first with finite inputs and a non-finite output."""

    type: str
    direction: Literal["forward", "backward"]
    layer: str | None = None
    location: Location | None = None
    inputs: tuple[Operand, ...] = ()
    output: Nonfinite | None = None  # the commonest of its bad values
    num_bad: int = 0
    size: int = 0
    rows: tuple[int, ...] = ()
    forward_type: str | None = None  # of a backward op: the forward op it is the gradient of
    stopped_by: tuple[str, ...] = ()  # types of ops that took a non-finite number and gave finite ones
    # Of its argument, or its forward op's: what the numbers in it come from, and the type of the op that made
    # it; casts and added constants are looked through.
    made_of: tuple[Role, ...] = ()
    made_by: str | None = None
    met: tuple[MetConstant, ...] = ()  # before it, the last one first


@dataclass(frozen=True)
class SpreadEntry:
    """One place that was non-finite in the bad step, in the order in which it went bad."""

    role: Role
    path: str
    num_bad: int
    size: int
    first: bool = False


@dataclass(frozen=True)
class RanOp:
    """An op of a step that was repeated, and what it gave: one of those around the birth of what went bad."""

    type: str
    direction: Literal["forward", "backward"]
    moment: Literal["before", "birth", "after"]
    output: Operand  # all of it
    shape: Shape = ()
    layer: str | None = None
    location: Location | None = None
    forward_type: str | None = None  # of a backward op: the forward op it is the gradient of


@dataclass(frozen=True)
class StepReplay:
    """What a bad step showed that was brought back from its snapshot and run again, op by op."""

    step: int
    loss: float | None = None
    reproduced: bool | None = None  # it went bad again; None: it was stopped before that could be told
    op: OpInfo | None = None
    spread: tuple[SpreadEntry, ...] = ()
    notes: tuple[IncidentNote, ...] = ()
    ops: tuple[RanOp, ...] = ()  # in the order in which they ran


@dataclass(frozen=True)
class IncidentInfo:
    """The first step that went bad, and where it showed."""

    fit: int
    step: int  # counted from 0, over the whole fit
    epoch: int
    role: Role
    path: str = ""
    value: Nonfinite = "nan"
    frozen: bool = False  # the update was held back
    action: OnIncident = "raise"
    loss: float | None = None
    batch: DataInfo = DataInfo()  # the guilty batch alone
    outputs: tuple[TensorSummary, ...] = ()  # predictions for it, before the update
    rows_summing_to_zero: int | None = None  # of the first output
    rows: int | None = None
    op: OpInfo | None = None
    spread: tuple[SpreadEntry, ...] = ()
    reproduced: bool | None = None  # the autopsy saw it again; None: no autopsy
    notes: tuple[IncidentNote, ...] = ()  # what the autopsy could not do
    replica: int | None = None  # that saw it, under tf.distribute
    state: bool = False  # role "weight": of a variable that no gradient moves, as a moving statistic
    # Role "weight": the last step after which it was seen to be finite (-1: before the first), where it
    # was not looked at in every step. The fault is in one of the steps behind it, up to ``step``.
    finite_after: int | None = None
    step_held: bool = False  # the snapshot holds all that the ops of the step began with
    finite_on_first_weights: bool | None = None  # the same batch on the weights of step 0
    bad_rows: tuple[int, ...] = ()  # rows that are bad alone
    rows_tried: int = 0


@dataclass(frozen=True)
class ScriptError:
    """The exception that the script ended with. ``location`` is the innermost line of the user's own code."""

    type: str
    message: str = ""
    location: Location | None = None


@dataclass(frozen=True)
class RunInfo:
    """What is known of a run. ``models`` and ``fits`` have files of their own, the rest is ``run.json``."""

    script: str
    argv: tuple[str, ...] = ()
    cwd: str = ""
    status: Status = "running"
    exit_status: int | None = None
    halt_caught: bool = False  # the script caught `TrainingHalted` and went on
    started: str = ""  # UTC, ISO 8601
    pid: int = 0
    made_by: str = ""  # by which machine and user, as `nanwatch.record.whose` has it
    host: str = ""  # where it runs
    process_start: str = ""  # a mark of the process, which the next one of this pid has not
    versions: dict[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    models: tuple[ModelInfo, ...] = ()
    fits: tuple[FitInfo, ...] = ()
    incident: IncidentInfo | None = None
    errors: tuple[OwnError, ...] = ()
    not_watched: tuple[NotWatched, ...] = ()
    raised: ScriptError | None = None
    worker: str = ""  # which one of a job, as "worker 1"; "" where a process trains alone
    keras_2: bool = False  # the script was given Keras 2 as its ``keras``
    held_back: tuple[HeldBack, ...] = ()  # what a check did not let the script do, or not where it wanted
