"""Several networks are told apart, in every format, by what the script calls them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nanwatch.diagnose import made_up
from nanwatch.diagnose.diagnosis import Diagnoses, Diagnosis, Outcome
from nanwatch.diagnose.outcome import ORDER
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
from nanwatch.explain.headline import headline
from nanwatch.explain.report import Report
from nanwatch.explain.reporting import report_of
from nanwatch.explain.sentences import limits
from nanwatch.explain.trainings import OUTCOMES, others_sentence, place_words, training_lines
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


def several(*outcomes: Outcome, **facts: Any) -> Report:
    """As many fits of one model, each with its outcome; the first finding is of the second."""
    fit = made_up.run(**facts).fits[0]
    fits = [replace(fit, info=replace(fit.info, index=number)) for number in range(len(outcomes))]
    found = Diagnosis("NW105", "unscaled-input", "cause", "error", "A column is large.", fit=1, alike=1)
    worst = min(outcomes, key=ORDER.index)
    run = replace(made_up.run(), fits=tuple(fits))
    return Report(run, Diagnoses(worst, (found,), outcomes=tuple(enumerate(outcomes))))


def test_the_worst_of_several_fits_is_told_and_the_others_are_counted() -> None:
    report = several("healthy", "not-learning", "healthy", "not-learning", "diverged")
    wrong = replace(report, diagnoses=replace(report.diagnoses, outcome="not-learning"))
    head = headline(wrong)
    assert head.said == "The training did not learn."
    assert head.behind == (
        "100 steps, 1 epoch, loss 0.7 at the first step, 0.342 over the last 20 steps, in fit 2 of 5. "
        "Of 4 other trainings 1 diverged, 1 did not learn and 2 show no fault."
    )
    for render in (as_terminal.render, as_markdown.render, as_html.render):
        assert "In fit 2 of 5, and alike in 1 other." in " ".join(render(wrong).split())


def test_trainings_that_are_kept_in_short_are_counted_and_not_judged() -> None:
    fit = made_up.run(loss=[0.7, 0.7]).fits[0]
    fits = [replace(fit, info=replace(fit.info, index=number, brief=number < 2)) for number in range(4)]
    report = report_of(replace(made_up.run(), fits=tuple(fits)))
    assert [number for number, _ in report.diagnoses.outcomes] == [2, 3]
    said = (
        "2 early trainings of 4 are kept in short, to make room for later ones: how they ended is known, and "
        "no fault was looked for in them"
    )
    assert f"{said}." in limits(report)
    assert said in json.loads(as_json.render(report))["cost"]["not_watched"]
    assert said in as_sarif.render(report)
    assert report.steps() == 4 * fit.info.steps
    assert others_sentence(report) == f"The other training {OUTCOMES[report.diagnoses.outcomes[1][1]][0]}."


def test_of_two_the_other_one_is_told() -> None:
    assert (headline(several("healthy", "at-chance")).behind or "").endswith(
        "in fit 2 of 2. The other training shows no fault."
    )


def test_others_that_fared_alike_are_told_together() -> None:
    report = several("healthy", "at-chance", "healthy", "healthy")
    assert (headline(report).behind or "").endswith("in fit 2 of 4. The 3 other trainings show no fault.")


def test_where_all_are_well_none_is_counted() -> None:
    report = several("healthy", "healthy")
    well = replace(report, diagnoses=replace(report.diagnoses, diagnoses=()))
    assert (headline(well).behind or "").endswith("in fit 1 of 2.")


def test_the_story_is_that_of_a_fit_with_the_worst_outcome() -> None:
    report = several("diverged", "not-learning")
    told = report.fit()
    assert told is not None
    assert told.info.index == 0


@pytest.mark.parametrize("kind", ["tape", "train_on_batch"])
def test_a_loop_has_no_epochs(kind: str) -> None:
    run = made_up.run(loss=[0.7, math.nan], fit={"kind": kind, "epochs": 0}, incident={"step": 1})
    report = Report(run, Diagnoses("non-finite"))
    assert verdict(report) == "The loss became NaN at step 1."
    for render in (as_terminal.render, as_markdown.render, as_html.render):
        assert "epoch 1" not in render(report)
    live = replace(run, info=replace(run.info, incident=None, status="running"))
    assert (
        "epoch" not in as_live.render_frame(live, width=100, height=50).partition("step 2")[2].split("\n")[0]
    )


def test_loops_among_fits_are_trainings() -> None:
    report = several("healthy", "at-chance")
    fits = list(report.run.fits)
    fits[0] = replace(fits[0], info=replace(fits[0].info, kind="tape"))
    assert place_words(replace(report, run=replace(report.run, fits=fits)), 1) == "In training 2 of 2."
