"""NW119: tokens that were scaled, and that an embedding cuts off to 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nanwatch.diagnose import made_up
from nanwatch.diagnose.data_seen import summaries_by_path
from nanwatch.diagnose.data_words import list_words, number, numbered_words
from nanwatch.diagnose.diagnosis import Finding, Remedy
from nanwatch.diagnose.rule import Rule
from nanwatch.diagnose.symptoms import STUCK
from nanwatch.record.facts import ColumnSummary, LayerInfo, TensorSummary, TokenInput
from nanwatch.record.interventions import Intervention, InterventionKind
from nanwatch.record.run import Fit, Run

# Numbers of 0 and 1 have the variance m (1 - m), and fractions less: this much of it leaves no doubt.
FRACTIONS = 0.95


class TruncatedToken(Rule):
    """An embedding gets fractions below 1 as tokens, and reads all of them as 0.

    ## What it does
    Follows the input of each embedding back to the data, also through slices of a table, and looks for
    floats that are below 1 and not whole numbers.

    ## Why is this bad
    An embedding looks up rows of its table, and cuts off everything after the decimal point. Ids that
    were scaled together with the features, to 0..1 or to a standard deviation of 1, then all get the
    same row: the embedding says nothing about any of them, and there is no warning.

    ## Example
    ```python
    x = MinMaxScaler().fit_transform(table)  # the column of ids among them
    user = Embedding(1000, 16)(inputs[:, 0])
    ```

    ## Use instead
    ```python
    x[:, 1:] = MinMaxScaler().fit_transform(table[:, 1:])
    user = Embedding(1000, 16)(inputs[:, 0])
    ```
    """

    code, name = "NW119", "truncated-token"

    def missing(self, fit: Fit, run: Run) -> str | None:
        if not fit.info.token_inputs or fit.info.data.inputs:
            return None
        return "the inputs were not seen"

    def diagnose(self, fit: Fit, run: Run) -> Iterator[Finding]:
        for path, given in summaries_by_path(fit.info.data, "inputs").items():
            sources = [source for source in fit.info.token_inputs if source.input == path]
            cut = [source for source in sources if is_cut_off(given, source)]
            layers = [layer for source in cut if (layer := fit.layer(source.layer)) is not None]
            if layers:
                yield self.build_finding(fit, given, cut, layers)

    def build_finding(
        self, fit: Fit, given: TensorSummary, cut: Sequence[TokenInput], layers: Sequence[LayerInfo]
    ) -> Finding:
        columns = tuple(sorted({column for source in cut for column in source.columns}))
        parts = [part for source in cut for part in parts_of(given, source)]
        low, high = min(part.min for part in parts), max(part.max for part in parts)
        where = f"{numbered_words('column', columns)} of the input" if columns else "the input"
        text = "Do not scale the tokens: keep whole numbers from 0 on, beside the scaled features."
        change = Intervention(InterventionKind.COUNT_TOKENS, given.path, columns)
        names = list_words([layer.name for layer in layers])
        gets = "gets its tokens" if len(layers) == 1 else "get their tokens"
        return self.finding(
            fit,
            f"{names} {gets} from {where}, from {number(low)} to {number(high)} and not whole numbers: cut "
            f"off after the point, all of them are 0{'' if high < 1 else ', or 1'}.",
            *(f"{layer.name} has {layer.config.get('input_dim')} rows" for layer in layers),
            location=fit.input_line(),
            layer=layers[0].path,
            remedies=(Remedy(change, text, location=fit.input_line()),),
            strength=0.95,
            explains=STUCK | {"poor-accuracy"},
        )

    @staticmethod
    def fires() -> list[Run]:
        return [
            tokens_run(whole=made_up.tensor("input", min=0.0, max=0.99, mean=0.5, std=0.29)),
            tokens_run(column=ColumnSummary(1, min=0.0, max=1.0, mean=0.5, std=0.29)),
            tokens_run(column=ColumnSummary(1, min=-0.9, max=0.9, mean=0.0, std=0.4)),
        ]

    @staticmethod
    def silent() -> list[Run]:
        return [
            tokens_run(whole=made_up.tensor("input", min=0.0, max=1.01, mean=0.5, std=0.29)),
            tokens_run(whole=made_up.tensor("input", min=0.0, max=1.0, mean=0.5, std=0.5, integral=True)),
            tokens_run(column=ColumnSummary(1, min=0.0, max=1.0, mean=0.3, std=0.458)),
            tokens_run(column=ColumnSummary(1, min=0.0, max=99.0, mean=50.0, std=29.0)),
            tokens_run(column=ColumnSummary(1, min=0.0, max=0.0)),
            tokens_run(column=ColumnSummary(0, min=0.0, max=0.9, mean=0.5, std=0.29)),
        ]


def is_cut_off(given: TensorSummary, source: TokenInput) -> bool:
    parts = parts_of(given, source)
    return bool(parts) and all(map(are_fractions, parts))


def parts_of(given: TensorSummary, source: TokenInput) -> Sequence[TensorSummary | ColumnSummary]:
    """The columns that the embedding gets, or the whole input; none where they are not known."""
    if not source.columns:
        return () if given.integral else (given,)
    known = [column for column in given.columns if column.index in source.columns]
    return known if len(known) == len(source.columns) else ()


def are_fractions(part: TensorSummary | ColumnSummary) -> bool:
    """Between -1 and 1, and not all of them 0 or 1."""
    if part.std == 0 or part.min <= -1.0 or part.max > 1.0:
        return False
    return part.min < 0 or part.std**2 < FRACTIONS * part.mean * (1.0 - part.mean)


def tokens_run(whole: TensorSummary | None = None, column: ColumnSummary | None = None) -> Run:
    """An embedding of a hundred rows, of the whole input or of column 1 of a table with this column."""
    layer = LayerInfo("user", "user", "Embedding", config={"input_dim": 100}, location=made_up.line(5))
    source = TokenInput("user", "0", (1,) if column else ())
    table = made_up.tensor("input", columns=(column,) if column else (), shape=(None, 2))
    return made_up.run(
        made_up.model(layer, made_up.dense()), inputs=[whole or table], fit={"token_inputs": (source,)}
    )
