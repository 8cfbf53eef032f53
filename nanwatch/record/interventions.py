"""One change to a training, as data: what a rule proposes, a trial tries and a patch writes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Scalar = bool | int | float | str


class InterventionKind(StrEnum):
    """What is changed."""

    # the data
    DROP_ROWS = "drop_rows"
    DROP_NONFINITE_ROWS = "drop_nonfinite_rows"
    DROP_COLUMNS = "drop_columns"
    DROP_EMPTY_BATCHES = "drop_empty_batches"
    DROP_REMAINDER = "drop_remainder"
    SHUFFLE_ROWS = "shuffle_rows"
    IMPUTE_INPUT = "impute_input"
    GUARD_SCALING = "guard_scaling"
    MEND_PREPROCESSING = "mend_preprocessing"
    SCALE_INPUT = "scale_input"
    STANDARDISE_INPUT = "standardise_input"
    MAP_TOKENS = "map_tokens"
    COUNT_TOKENS = "count_tokens"
    MEND_SAMPLE_WEIGHT = "mend_sample_weight"
    SET_CLASS_WEIGHT = "set_class_weight"
    # the labels
    CAST_LABELS = "cast_labels"
    DROP_LABELS = "drop_labels"
    MAP_LABELS = "map_labels"
    SHIFT_LABELS = "shift_labels"
    RESHAPE_LABELS = "reshape_labels"
    RESCALE_TARGET = "rescale_target"
    SCALE_TARGET = "scale_target"
    STANDARDISE_TARGET = "standardise_target"
    # the validation
    MEND_VALIDATION_DATA = "mend_validation_data"
    SCALE_VALIDATION = "scale_validation"
    # the model
    SET_ACTIVATION = "set_activation"
    SET_HIDDEN_ACTIVATIONS = "set_hidden_activations"
    SET_UNITS = "set_units"
    SET_HEAD = "set_head"
    SET_PROBABILITIES = "set_probabilities"
    SET_INITIALIZER = "set_initializer"
    SET_INPUT_DIM = "set_input_dim"
    SET_MASK_ZERO = "set_mask_zero"
    SET_DROPOUT = "set_dropout"
    SET_MOMENTUM = "set_momentum"
    SET_REGULARIZER = "set_regularizer"
    SET_TRAINABLE = "set_trainable"
    TRACK_VARIABLES = "track_variables"
    SET_DTYPE_POLICY = "set_dtype_policy"
    MEND_INITIAL_WEIGHT = "mend_initial_weight"
    MEND_OUTPUT = "mend_output"
    KEEP_ONE_STEP = "keep_one_step"
    # ops
    ADD_EPSILON = "add_epsilon"
    CLIP_ARGUMENT = "clip_argument"
    DIVIDE_NO_NAN = "divide_no_nan"
    GUARD_ARGUMENT = "guard_argument"
    REMOVE_OP = "remove_op"
    TURN_COMPARISON = "turn_comparison"
    USE_LOGITS = "use_logits"
    USE_STABLE_FORM = "use_stable_form"
    # the call of compile
    SET_LOSS = "set_loss"
    SET_FROM_LOGITS = "set_from_logits"
    MEND_LOSS = "mend_loss"
    SCALE_LOSS = "scale_loss"
    SET_IGNORE_CLASS = "set_ignore_class"
    SET_METRICS = "set_metrics"
    MEND_METRIC = "mend_metric"
    SET_LEARNING_RATE = "set_learning_rate"
    SET_CLIPNORM = "set_clipnorm"
    SET_CLIPVALUE = "set_clipvalue"
    SET_EPSILON = "set_epsilon"
    SET_WEIGHT_DECAY = "set_weight_decay"
    # the training
    SET_BATCH_SIZE = "set_batch_size"
    SET_CHECKPOINT = "set_checkpoint"
    TRACK_LOSS = "track_loss"
    # the script
    USE_PRESENT_API = "use_present_api"


@dataclass(frozen=True)
class Intervention:
    """``target`` says of what: the path of a layer, a key of the data, a type of op; ``value`` to what."""

    kind: InterventionKind
    target: str
    value: Scalar | tuple[Scalar, ...] | None = None
