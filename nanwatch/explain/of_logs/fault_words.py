"""Of each fault that a log can point to: how it makes such numbers, and what would tell it from others."""

from __future__ import annotations

from typing import NamedTuple


class FaultWords(NamedTuple):
    fits: str  # how the fault makes such numbers
    tells: str  # what to look at, or to try, that parts it from the others


FAULTS = {
    "NW101": FaultWords(
        "NaN or infinity in the inputs makes the loss NaN in the epoch that first sees the row; on a CPU "
        "relu can turn it into 0, and the network is dead without a NaN in the log.",
        "np.isfinite(x).all() of what fit is given: False says it is this.",
    ),
    "NW102": FaultWords(
        "A column that never changes has a standard deviation of 0, and scaling by it makes 0/0.",
        "x.std(axis=0).min() before the scaling: 0 says it is this.",
    ),
    "NW103": FaultWords(
        "NaN or infinity in the targets makes the loss NaN while inputs and predictions are finite.",
        "np.isfinite(y).all() of what fit is given: False says it is this.",
    ),
    "NW105": FaultWords(
        "Inputs far from 0 to 1 (pixels up to 255, columns in thousands) saturate or kill the first layers.",
        "x.min(), x.max(): if they are far from -1 to 1, divide or standardize, and see whether it learns.",
    ),
    "NW106": FaultWords(
        "Targets in the thousands make a loss in the millions, of which Adam takes away a little a step, and "
        "which SGD multiplies until it is infinite.",
        "y.mean(), y.std(): if they are far from 0 and 1, standardize the target.",
    ),
    "NW107": FaultWords(
        "A label that is no index of the output (1-based, -1, 255) is an error on a CPU and NaN on a GPU.",
        "y.min(), y.max() beside the units of the last layer: at most units - 1.",
    ),
    "NW108": FaultWords(
        "Labels outside 0 to 1 (-1 and 1, or 0 to k) let binary_crossentropy fall below 0 without an end.",
        "np.unique(y): anything but 0 and 1 says it is this.",
    ),
    "NW112": FaultWords(
        "A token that is no row of the Embedding is an error on a CPU and silent on a GPU.",
        "x.max() beside the input_dim of the Embedding: at most input_dim - 1.",
    ),
    "NW113": FaultWords(
        "Rows that come class by class are learned and forgotten in turn.",
        "Shuffle x and y together before fit, and see whether the loss falls.",
    ),
    "NW114": FaultWords(
        "validation_split takes the last rows as they stand, before any shuffling: of sorted rows those are "
        "of classes that the training never saw.",
        "np.unique of the training's and of the validation's labels: they should be the same.",
    ),
    "NW115": FaultWords(
        "Where the labels have nothing to do with the inputs, no network does better than guessing.",
        "Look at a few rows with their labels; a training on 20 of them that does not reach a loss of 0 "
        "says it is something else.",
    ),
    "NW116": FaultWords(
        "A validation that is scaled otherwise than the training is another data set to the network.",
        "x.min(), x.max() of both: they should be alike.",
    ),
    "NW118": FaultWords(
        "NaN in the validation's inputs or targets alone: the training is not harmed, and EarlyStopping and "
        "ModelCheckpoint on val_loss are blind.",
        "np.isfinite of the validation data: False says it is this.",
    ),
    "NW201": FaultWords(
        "A row for which relu gives 0 in every class makes 0/0 in categorical_crossentropy: NaN from the "
        "first such row on, be it after good epochs. Under binary_crossentropy such a unit is dead.",
        'Give the last layer activation="softmax" ("sigmoid" for one unit): if it trains, it was this.',
    ),
    "NW202": FaultWords(
        "A softmax over one unit is 1 whatever the data: the accuracy stands still at the share of class 1, "
        "even where the loss falls.",
        "model.predict(x): 1 in every row says it is this. One unit wants sigmoid.",
    ),
    "NW203": FaultWords(
        "sigmoid, tanh, softmax and relu cannot give values outside their range, and the target has such.",
        "y.min(), y.max() beside the range of the last activation.",
    ),
    "NW204": FaultWords(
        "A last layer without activation gives any number, which the loss takes for a probability.",
        'from_logits=True in the loss, or activation="softmax" ("sigmoid"): if it trains, it was this.',
    ),
    "NW207": FaultWords(
        "categorical_crossentropy over one unit is 0 (or 0/0) whatever the prediction.",
        "The units of the last layer: 1 under categorical_crossentropy says it is this.",
    ),
    "NW210": FaultWords(
        'class_mode="categorical" gives two columns of labels, and one unit is compared with both: the best '
        "answer is 0.5.",
        'class_mode="binary": if it trains, it was this.',
    ),
    "NW301": FaultWords(
        "Layers of relu that give 0 for every row pass no gradient: all predictions are alike, and the "
        "loss is that of guessing.",
        "model.predict(x).std(axis=0): about 0 says that layers are dead; a tenth of the learning rate, or "
        "scaled inputs, often wakes them.",
    ),
    "NW302": FaultWords(
        "Outputs at the very ends of sigmoid or softmax pass no gradient.",
        "model.predict(x): nothing but 0 and 1 says it is this; scale the inputs or lower the rate.",
    ),
    "NW303": FaultWords(
        "Each layer of sigmoid or tanh passes on a quarter of the gradient or less: the first never move.",
        "relu in the hidden layers: if the loss falls, it was this.",
    ),
    "NW305": FaultWords(
        "A recurrent layer without tanh multiplies its state at every time step, until it is infinite.",
        "The default activation (tanh): if it stays finite, it was this.",
    ),
    "NW306": FaultWords(
        "Units that begin alike get the same gradient, and stay alike.",
        "The default initializer: if the loss falls, it was this.",
    ),
    "NW308": FaultWords(
        "BatchNormalization goes by averages in inference that are not those of the batches.",
        "model.evaluate on the TRAINING rows: far worse than in fit says it is this.",
    ),
    "NW312": FaultWords(
        "A dropout of most units leaves too little to learn from.",
        "Dropout of 0.2 to 0.5: if the loss falls, it was this.",
    ),
    "NW401": FaultWords(
        "The derivative of sqrt, norm or a power below 1 is infinite at 0: a finite loss, a NaN gradient.",
        "An epsilon under the root: if it stays finite, it was this.",
    ),
    "NW403": FaultWords(
        "log of 0 is infinite: of a saturated prediction, or of a target.",
        "Clip what log is given to 1e-7 and more: if it stays finite, it was this.",
    ),
    "NW404": FaultWords(
        "exp of more than 88 is infinite in float32.",
        "The largest argument of exp in the step before.",
    ),
    "NW405": FaultWords(
        "A quotient whose divisor can be 0 (an empty mask, a sum of zeros) makes 0/0.",
        "tf.math.divide_no_nan, or an epsilon below: if it stays finite, it was this.",
    ),
    "NW407": FaultWords(
        "float16 ends at 65504: what is larger is infinite.",
        'The same script in float32, or "mixed_bfloat16": if it stays finite, it was this.',
    ),
    "NW501": FaultWords(
        "Steps that are too large make the loss grow until it is infinite, or throw the weights where no "
        "gradient is left.",
        "A tenth of the learning rate: if the loss falls from the start, it was this. (That puts off other "
        "faults, too.)",
    ),
    "NW502": FaultWords(
        "Steps that are too small to be seen.",
        "Ten times the learning rate: if the loss falls, it was this.",
    ),
    "NW503": FaultWords(
        "Where no weight is trainable no digit of the loss moves.",
        "len(model.trainable_weights): 0 says it is this.",
    ),
    "NW508": FaultWords(
        "A learning rate of 0 changes nothing, and a negative one climbs.",
        "The rate that the optimizer is made with.",
    ),
    "NW602": FaultWords(
        "A validation without a row has a mean of nothing.",
        "len(x_val), or the steps of the validation: 0 says it is this.",
    ),
    "NW604": FaultWords(
        "A train_step of the script's own that does not update the tracker of the loss shows 0 throughout.",
        "Print the loss inside the train_step.",
    ),
}
