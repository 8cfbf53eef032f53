"""NW112: a token that the embedding has no row for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import are_rows_to_come, data_arrays
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.rule import Rule
from nanwatch.record.facts import LayerInfo, ModelInfo
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# TensorFlow's sentence on a CPU; XLA takes the nearest row and says nothing.
NOT_IN = re.compile(r"indices\[[^\]]*\] = (-?\d+) is not in \[0, (\d+)\)")
STRAIGHT = ("InputLayer", "Sequential", "Functional", "Model")


class EmbeddingIndexOutOfRange(Rule):
    """A token is negative, or not smaller than the embedding's `input_dim`.

    ## What it does
    Compares the whole numbers of the input with `input_dim` if the input goes directly into an
    `Embedding`. It also reads TensorFlow's exception if that ended the training.

    ## Why is this bad
    The table has `input_dim` rows, numbered from 0. A vocabulary of 1000 words that is numbered from 1
    needs 1001. A CPU stops the training. XLA takes another row instead, and the model learns with the
    wrong words.

    ## Example
    ```python
    Embedding(len(vocabulary), 32)  # the words count from 1, and 0 is the padding
    ```

    ## Use instead
    ```python
    Embedding(len(vocabulary) + 1, 32)
    ```
    """

    code, name = "NW112", "embedding-index-out-of-range"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        stopped = NOT_IN.search(fit.info.error or "")
        embeddings = [layer for layer in fit.model.layers if layer.type == "Embedding"]
        if stopped is not None:
            token, rows = int(stopped[1]), int(stopped[2])
            of = [layer for layer in embeddings if layer.config.get("input_dim") == rows] or embeddings
            if of:
                yield self.build_finding(fit, of[0], token, rows, True, largest_of_all(fit, token))
            return
        layer = embedding_of_input(fit)
        rows = int(layer.config.get("input_dim") or 0) if layer else 0
        for array in data_arrays(fit, run, "inputs"):
            tokens = array.widest
            if layer is None or not rows or not tokens.integral or not tokens.rows:
                continue
            if tokens.max >= rows or tokens.min < 0:
                worst = tokens.max if tokens.max >= rows else tokens.min
                crashed = fit.info.status == "crashed"
                largest = int(tokens.max) if fit.info.data.whole else None
                yield self.build_finding(fit, layer, int(worst), rows, crashed, largest)

    def build_finding(
        self, fit: Fit, layer: LayerInfo, token: int, rows: int, crashed: bool, largest: int | None
    ) -> Finding:
        """``largest`` is the largest token of all, where it is known: a step stops at the first bad one."""
        to_come = are_rows_to_come(fit)
        follows = "another row is used instead, without a warning"
        if crashed or to_come:
            follows = "TensorFlow stopped there" if crashed else "TensorFlow stops there on a CPU"
        where = fit.input_line()
        if token >= rows:
            where = layer.location or where
            wanted = max(token, largest or 0) + 1
            text = f"Give {layer.name} input_dim={wanted}: one row more than the largest token."
            if largest is None:
                met = "TensorFlow stopped at the first one" if crashed else "not all tokens were seen"
                text = (
                    f"Give {layer.name} a row for every token: an input_dim of {wanted} or more, since {met}."
                    " It is the size of the vocabulary, and 1 more where the tokens count from 1."
                )
            remedy = Remedy(
                Intervention(InterventionKind.SET_INPUT_DIM, layer.path, wanted),
                text,
                location=layer.location,
            )
        else:
            text = "Number the tokens from 0, with 0 for the padding."
            remedy = Remedy(Intervention(InterventionKind.MAP_TOKENS, "input"), text, location=where)
        return self.finding(
            fit,
            f"The input holds the token {token}, and {layer.name} has input_dim={rows}, so the tokens 0 to "
            f"{rows - 1}; {follows}.",
            location=where,
            layer=layer.path,
            remedies=(remedy,),
            level="error" if crashed or to_come else "warning",
            strength=1.0 if crashed else 0.8,
            explains={"crash", "poor-accuracy"},
            certain=to_come,
        )

    @staticmethod
    def fires() -> list[Run]:
        error = "InvalidArgumentError: indices[3,7] = 1000 is not in [0, 1000) [Op:ResourceGather]"
        return [
            tokens_run(999, error=error),
            tokens_run(1000),
            tokens_run(10, low=-1),
            tokens_run(1000, batch_size=6),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            tokens_run(999),
            tokens_run(5000, behind="Hashing"),
            tokens_run(999, error="InvalidArgumentError: Incompatible shapes: [32,1] vs. [32,5]"),
        ]


def largest_of_all(fit: Fit, token: int) -> int | None:
    """The largest token, where one array that was read whole must hold ``token``."""
    inputs = fit.info.data.inputs if fit.info.data.whole else ()
    may_be = [array for array in inputs if array.integral and array.min <= token <= array.max]
    return int(may_be[0].max) if len(may_be) == 1 else None


def embedding_of_input(fit: Fit) -> LayerInfo | None:
    """The embedding that the only input goes into, with nothing in between."""
    if len(fit.info.data.inputs) > 1:
        return None
    layer = next((layer for layer in fit.model.layers if layer.type not in STRAIGHT), None)
    return layer if layer is not None and layer.type == "Embedding" else None


def tokens_run(
    high: float,
    low: float = 0.0,
    error: str | None = None,
    behind: str | None = None,
    batch_size: int | None = None,
) -> Run:
    """Tokens up to ``high`` into an embedding of 1000 rows, or into another layer before it."""
    line = made_up.line(5, "Embedding(1000, 32)")
    embedding = LayerInfo("embed", "embed", "Embedding", config={"input_dim": 1000}, location=line)
    first = [LayerInfo("first", "first", behind)] if behind else []
    of: ModelInfo = made_up.model(*first, embedding, made_up.dense())
    words = [made_up.tensor("input", min=low, max=high, mean=high / 2, std=high / 4, integral=True)]
    fit = {"error": error, "status": "crashed" if error else "finished", "batch_size": batch_size}
    return made_up.run(of, inputs=words, fit=fit)
