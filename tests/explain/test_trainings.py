"""Several networks are told apart, in every format, by what the script calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from nanwatch.explain import (
    as_github,
    as_html,
    as_json,
    as_junit,
    as_live,
    as_markdown,
    as_sarif,
    as_terminal,
    html_charts,
)
from nanwatch.explain.report import Report
from nanwatch.explain.trainings import place_words, training_lines
from nanwatch.explain.verdict import verdict
from tests.explain import made_up_reports


def test_the_verdict() -> None:
    assert verdict(made_up_reports.of_two_models()) == (
        "The gradient of critic/dense/kernel became NaN at step 3, in epoch 1, in the training of critic."
    )


def test_a_line_for_each() -> None:
    assert training_lines(made_up_reports.of_two_models()) == [
        "generator (Sequential): 100 steps, by Adam, loss 0.342 over the last 20 steps.",
        "critic (Sequential): 4 steps, by Adam, loss NaN at the last step.",
    ]


def test_one_model_needs_none() -> None:
    report = made_up_reports.healthy()
    assert (training_lines(report), place_words(report, 0)) == ([], "")


@pytest.mark.parametrize(
    "render",
    [as_github.render, as_html.render, as_junit.render, as_markdown.render, as_terminal.render],
)
def test_every_format(render: Callable[[Report], str]) -> None:
    said = render(made_up_reports.of_two_models())
    assert "sequential" not in said.replace("(Sequential)", "")
    assert "In the training of critic." in " ".join(said.split())


def test_where_a_path_is_a_key() -> None:
    found = json.loads(as_json.render(made_up_reports.of_two_models()))
    assert [(model["name"], model["called"]) for model in found["run"]["models"]] == [
        ("sequential", "generator"),
        ("sequential_1", "critic"),
    ]
    assert found["incident"]["path"] == "sequential_1/dense/kernel"
    assert "critic/dense/kernel: 8 of 8" in as_sarif.render(made_up_reports.of_two_models())


def test_charts_and_the_live_screen() -> None:
    report = made_up_reports.of_two_models()
    (norms,) = (chart for chart in html_charts.charts(report) if chart["name"] == "gradients")
    assert [curve["label"] for curve in norms["curves"]] == ["critic/dense"]
    screen = as_live.render_frame(report.run, width=100, height=50)
    assert "training 2 of 2, the training of critic" in screen
    assert "critic/dense/kernel" in screen


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("g", "d"), 2),  # the script has named them itself
        (("encoder", "sequential"), 2),
        (("sequential", "sequential_1"), 0),
        (("functional", "model"), 0),
        (("net", "net_1"), 0),  # two folds, say
    ],
)
def test_names_without_any_in_the_script(names: tuple[str, str], told: int) -> None:
    report = made_up_reports.of_two_models()
    fits = [
        replace(fit, model=replace(fit.model, name=name, called=""))
        for fit, name in zip(report.run.fits, names, strict=True)
    ]
    info = replace(report.run.info, models=tuple(fit.model for fit in fits))
    run = replace(report.run, info=info, fits=tuple(fits))
    assert len(training_lines(replace(report, run=run))) == told
