"""The HTML report in a real browser: it draws, it answers the mouse, it fits, it runs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nanwatch.explain import as_html
from tests.explain.browser import Browser, browser
from tests.explain.hostile_reports import EVIL
from tests.explain.html_reports import REPORTS

CURVE, BAD = "#2563b0", "#c22f2b"  # of the light page


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as found:
        yield found


def written(folder: Path, name: str) -> Path:
    path = folder / "report.html"
    path.write_text(as_html.render(REPORTS[name](folder)), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [390, 1200])
def test_it_loads_draws_and_fits(tmp_path: Path, window: Browser, name: str, width: int) -> None:
    path = written(tmp_path, name)
    window.look(path, width)
    assert window.said() == []
    assert set(window.fetched()) == {path.as_uri()}
    figures = window.all("figure.chart")
    assert bool(figures) == (name not in ("no step", "no training"))
    for figure in figures:
        assert len(figure.find_elements("css selector", "canvas")) == 1
        assert window.pixels(figure, "#e2e2dd") > 50  # the grid
    assert window.run("return document.documentElement.scrollWidth") <= width


def test_the_browser_would_notice(tmp_path: Path, window: Browser) -> None:
    path = tmp_path / "page.html"
    path.write_text("<script>nothing.there</script><img src=other.png>")
    window.look(path)
    assert len(window.said()) == 2
    assert set(window.fetched()) == {path.as_uri(), (tmp_path / "other.png").as_uri()}


def test_the_curve_and_the_bad_step_are_drawn(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "broken"))
    figure = window.chart("Loss")
    assert window.pixels(figure, CURVE) > 500
    assert window.pixels(figure, BAD) > 100
    window.look(written(tmp_path, "healthy"))
    figure = window.chart("Loss")
    assert window.pixels(figure, CURVE) > 500
    assert window.pixels(figure, BAD) == 0


@pytest.mark.parametrize(("name", "drawn"), [("one step", False), ("one finite step", True)])
def test_a_single_point(tmp_path: Path, window: Browser, name: str, drawn: bool) -> None:
    window.look(written(tmp_path, name))
    figure = window.chart("Loss")
    assert (window.pixels(figure, CURVE) > 3) == drawn
    assert (window.pixels(figure, BAD) > 20) != drawn


def test_the_range_of_summed_up_steps_is_drawn(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "long"))
    assert window.pixels(window.chart("Loss"), "#dbe6f3") > 2000


def test_hovering_tells_the_values(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "broken"))
    figure = window.chart("Loss")
    assert window.hover(figure, 0.0)["step"] == "0"
    assert window.hover(figure, 0.0)["each step"] == "4.6"
    last = window.hover(figure, 1.0)
    assert (last["step"], last["each step"]) == ("40", "NaN")


def test_a_zoom_is_a_zoom_in_all_and_can_be_undone(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "broken"))
    window.drag(window.chart("Loss"), 0.5, 0.75)
    assert window.said() == []
    for title in ("Loss", "Gradient norm by layer"):
        figure = window.chart(title)
        assert 19 <= int(window.hover(figure, 0.0)["step"]) <= 21
        assert 29 <= int(window.hover(figure, 1.0)["step"]) <= 31
    (undo,) = window.all("#unzoom")
    assert undo.is_displayed()
    window.run("arguments[0].click()", undo)
    assert not undo.is_displayed()
    assert window.hover(window.chart("Gradient norm by layer"), 0.0)["step"] == "0"


def test_a_finger_zooms_as_a_mouse_does(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "broken"), width=390)
    window.swipe(window.chart("Loss"), 0.25, 0.75)
    assert window.said() == []
    (undo,) = window.all("#unzoom")
    assert undo.is_displayed()
    assert 9 <= int(window.hover(window.chart("Gradient norm by layer"), 0.0)["step"]) <= 11


def test_the_scale_can_be_chosen(tmp_path: Path, window: Browser) -> None:
    for name, title, before in (
        ("deep", "Gradient norm by layer", "log"),
        ("tiny numbers", "Loss", "linear"),
    ):
        window.look(written(tmp_path, name))
        figure = window.chart(title)
        button = figure.find_element("css selector", "button.scale")
        assert button.text == f"{before} scale"
        window.run("arguments[0].click()", button)
        assert button.text == f"{'linear' if before == 'log' else 'log'} scale"
        assert window.pixels(figure, "#e2e2dd") > 50
        assert window.said() == []


def test_hostile_text_runs_nothing(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "hostile"))
    assert window.driver.title.startswith("The loss became NaN at step 40")
    assert window.all("img") == []
    assert len(window.all("script")) == 3
    shown = " ".join(EVIL.split())
    assert any(shown in " ".join(text.split()) for text in window.texts("#layers th code"))
    assert any("</script>" in text for text in window.texts("figure.chart h3"))


def test_a_dark_page_has_light_curves(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "broken"), scheme="dark")
    assert window.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    figure = window.chart("Loss")
    assert window.pixels(figure, "#6ea8ee") > 500
    window.run("dispatchEvent(new Event('beforeprint'))")
    assert window.pixels(figure, CURVE) > 500
    window.run("dispatchEvent(new Event('afterprint'))")
    assert window.pixels(figure, "#6ea8ee") > 500
    assert window.said() == []


def test_curves_are_smoothed_and_what_they_were_made_of_stays(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "broken"))
    figure = window.chart("Gradient norm by layer")
    before = window.hover(figure, 0.5)
    window.run(
        "const slider = document.getElementById('smoothing');"
        "slider.value = '0.9'; slider.dispatchEvent(new Event('input'));"
    )
    assert window.said() == []
    after = window.hover(window.chart("Gradient norm by layer"), 0.5)
    assert after["step"] == before["step"]
    assert after["dense"] != before["dense"]
    assert window.hover(window.chart("Gradient norm by layer"), 0.0)["dense"] == "1"  # the first is itself


def test_a_guilty_line_and_its_change_are_whole_on_a_small_screen(tmp_path: Path, window: Browser) -> None:
    window.look(written(tmp_path, "broken"), width=390)
    for selector in (".line.guilty .text", ".diff .old", ".diff .new"):
        (box,) = window.run(
            "return [...document.querySelectorAll(arguments[0])].slice(0, 1)"
            ".map((each) => [each.scrollWidth - each.clientWidth, each.getBoundingClientRect().right])",
            selector,
        )
        assert box[0] <= 0
        assert box[1] <= 390
