"""The small curves: what is high is drawn high, and a NaN is seen."""

from __future__ import annotations

import math

import pytest

from nanwatch.explain.plot import LOG_FROM, CurvePiece, bin_means, plot


def pieces(*values: float) -> list[CurvePiece]:
    return [CurvePiece(row, 1, value) for row, value in enumerate(values, 7)]


def test_a_rising_line_in_ascii() -> None:
    found = plot(pieces(*range(12)), 12, unicode=False)
    assert found.rows == (
        "         .-'",
        "      .-'   ",
        "   .-'      ",
        ".-'         ",
    )  # fmt: skip
    assert found.labels == ("11", "", "", "0")


def test_a_rising_line_in_braille() -> None:
    found = plot(pieces(*range(16)), 8)
    assert [len(row) for row in found.rows] == [8] * 4
    assert found.rows[3].startswith("⡠⠊")
    assert found.rows[0].endswith("⡠⠊")
    assert set("".join(found.rows)) == {"⡠", "⠊", " "}


def test_few_values_have_a_character_each() -> None:
    found = plot(pieces(0, 5, math.nan, 15), 8)
    assert found.rows == ("  ×⠉", "  × ", " ⠤× ", "⣀ × ")
    assert plot(pieces(*[0, 5] * 4), 8).rows[3] == "⣀ " * 4


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_marked_in_its_column(bad: float, unicode: bool) -> None:
    found = plot(pieces(1, 2, 3, 4, bad, bad), 5 if unicode else 10, unicode)
    assert found.bad == ({2} if unicode else {4, 5})
    mark = "×" if unicode else "x"
    assert all(row[min(found.bad)] == mark for row in found.rows)
    assert sum(row.count(mark) for row in found.rows) == 4 * len(found.bad)
    assert found.labels == ("4", "", "", "1")


def test_nothing_but_nan() -> None:
    found = plot(pieces(math.nan, math.nan), 10, unicode=False)
    assert found.rows == ("xx",) * 4
    assert found.labels == ("",) * 4


@pytest.mark.parametrize(("high", "logarithmic"), [(LOG_FROM - 0.01, False), (LOG_FROM, True)])
def test_values_that_span_orders_are_drawn_on_a_log_scale(high: float, logarithmic: bool) -> None:
    assert plot(pieces(1.0, 2.0, high), 10).logarithmic is logarithmic


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_there_is_no_log_scale_for_what_is_not_positive(low: float) -> None:
    assert plot(pieces(low, 1000.0), 10).logarithmic is False


def test_powers_are_a_straight_line_on_a_log_scale() -> None:
    straight = plot(pieces(*range(12)), 12, unicode=False)
    assert plot(pieces(*(10.0**n for n in range(12))), 12, unicode=False).rows == straight.rows


def test_a_constant_is_labelled_where_it_is_drawn() -> None:
    found = plot(pieces(*[0.6931] * 5), 10, unicode=False)
    assert [(label, row.strip()) for label, row in zip(found.labels, found.rows, strict=True)] == [
        ("", ""), ("0.6931", "....."), ("", ""), ("", "")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "drawn"),
    [((1e308, -1e308), ["' ", "  ", "  ", " ."]), ((1.7e308,) * 9, ["." * 9]), ((5e-324, 0.0), [".."])],
)
def test_the_ends_of_the_floats(values: tuple[float, ...], drawn: list[str]) -> None:
    rows = plot(pieces(*values), 9, unicode=False).rows
    assert [row for row in rows if len(drawn) > 1 or row.strip()] == drawn


def test_more_values_than_columns_are_averaged() -> None:
    assert bin_means(pieces(*range(10)), 5) == [0.5, 2.5, 4.5, 6.5, 8.5]


def test_a_nan_is_not_averaged_away() -> None:
    assert [math.isnan(value) for value in bin_means(pieces(1, 1, 1, math.nan, 1, 1), 3)] == [
        False,
        True,
        False,
    ]


def test_a_piece_is_as_wide_as_its_rows() -> None:
    found = bin_means(
        [CurvePiece(0, 1, 5.0), CurvePiece(1, 7, 2.0), CurvePiece(8, 1, 1.0), CurvePiece(9, 1, 3.0)], 5
    )
    assert found == [3.5, 2.0, 2.0, 2.0, 2.0]
