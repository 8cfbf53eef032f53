"""Every change that a trial can make: each gives a training that is set up otherwise, and leaves the user's
objects alone."""

from __future__ import annotations

from nanwatch.record.interventions import InterventionKind
from nanwatch.replay import cloned_model, compile_changes, data_changes, model_changes
from nanwatch.replay.making import Change

K = InterventionKind
CHANGES: dict[InterventionKind, Change] = {
    K.STANDARDISE_INPUT: data_changes.standardise_input,
    K.SCALE_INPUT: data_changes.scale_input,
    K.STANDARDISE_TARGET: data_changes.standardise_target,
    K.SCALE_TARGET: data_changes.scale_target,
    K.RESCALE_TARGET: data_changes.rescale_target,
    K.SHIFT_LABELS: data_changes.shift_labels,
    K.MAP_LABELS: cloned_model.map_labels,
    K.SHUFFLE_ROWS: data_changes.shuffle_rows,
    K.DROP_NONFINITE_ROWS: data_changes.drop_nonfinite_rows,
    K.IMPUTE_INPUT: data_changes.impute_input,
    K.DROP_COLUMNS: data_changes.silence_columns,
    K.GUARD_SCALING: data_changes.silence_columns,
    K.MAP_TOKENS: data_changes.number_tokens,
    K.COUNT_TOKENS: data_changes.count_tokens,
    K.DROP_LABELS: data_changes.drop_labels,
    K.CAST_LABELS: data_changes.number_labels,
    K.RESHAPE_LABELS: data_changes.reshape_labels,
    K.SET_CLASS_WEIGHT: data_changes.mend_class_weight,
    K.MEND_SAMPLE_WEIGHT: data_changes.mend_sample_weight,
    K.KEEP_ONE_STEP: data_changes.keep_one_step,
    K.SET_BATCH_SIZE: data_changes.set_batch_size,
    K.SET_ACTIVATION: model_changes.set_activation,
    K.SET_HIDDEN_ACTIVATIONS: model_changes.set_hidden_activations,
    K.SET_INITIALIZER: model_changes.set_initializer,
    K.SET_TRAINABLE: model_changes.set_trainable,
    K.TRACK_VARIABLES: model_changes.track_variables,
    K.SET_REGULARIZER: model_changes.set_regularizer,
    K.SET_MASK_ZERO: model_changes.set_mask_zero,
    K.SET_DROPOUT: model_changes.set_dropout,
    K.SET_MOMENTUM: model_changes.set_momentum,
    K.SET_DTYPE_POLICY: model_changes.set_dtype_policy,
    K.MEND_INITIAL_WEIGHT: model_changes.mend_initial_weight,
    K.SET_UNITS: cloned_model.set_units,
    K.SET_HEAD: cloned_model.set_head,
    K.SET_PROBABILITIES: compile_changes.set_probabilities,
    K.SET_INPUT_DIM: cloned_model.set_input_dim,
    K.SET_IGNORE_CLASS: compile_changes.set_ignore_class,
    K.SET_LOSS: compile_changes.set_loss,
    K.MEND_LOSS: compile_changes.turn_loss,
    K.SET_FROM_LOGITS: compile_changes.set_from_logits,
    K.SET_LEARNING_RATE: compile_changes.set_learning_rate,
    K.SET_CLIPNORM: compile_changes.set_clipnorm,
    K.SET_CLIPVALUE: compile_changes.set_clipvalue,
    K.SET_EPSILON: compile_changes.set_epsilon,
    K.SET_WEIGHT_DECAY: compile_changes.set_weight_decay,
}
