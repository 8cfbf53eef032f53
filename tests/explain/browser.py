"""A real browser without a window, to look at the HTML report as a reader's browser does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.remote.webelement import WebElement

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# How many pixels of a chart's canvas have (nearly) this colour.
PIXELS = """
const [figure, wanted] = arguments;
const canvas = figure.querySelector("canvas");
const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
const probe = document.createElement("canvas").getContext("2d");
probe.fillStyle = wanted;
probe.fillRect(0, 0, 1, 1);
const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
let found = 0;
for (let at = 0; at < data.length; at += 4) {
  const away = Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b);
  if (data[at + 3] > 200 && away < 40) found += 1;
}
return found;
"""


class Browser:
    """A window on one page at a time."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def look(self, path: Path, width: int = 1200, scheme: str = "light") -> None:
        """Open a file at this width; what was logged before is forgotten."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(path.as_uri())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def said(self) -> list[str]:
        """What the page wrote to the console, errors of scripts and of its policy included."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def fetched(self) -> list[str]:
        """Every address that the page asked for, itself included."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return [str(element.get_property("textContent")) for element in self.all(selector)]

    def chart(self, title: str) -> WebElement:
        """The figure of this title, scrolled into view."""
        figure = next(
            each for each in self.all("figure.chart") if each.find_element("css selector", "h3").text == title
        )
        self.run("arguments[0].scrollIntoView({block: 'center'})", figure)
        return figure

    def pixels(self, figure: WebElement, colour: str) -> int:
        return int(self.run(PIXELS, figure, colour))

    def hover(self, figure: WebElement, share: float) -> dict[str, str]:
        """The legend of a chart with the mouse at ``share`` of its width: name -> value."""
        over = figure.find_element("css selector", ".u-over")
        ActionChains(self.driver).move_to_element_with_offset(over, self.offset(over, share), 0).perform()
        rows = figure.find_elements("css selector", ".u-legend .u-series")
        return {
            row.find_element("css selector", ".u-label").text: row.find_element(
                "css selector", ".u-value"
            ).text
            for row in rows
        }

    def drag(self, figure: WebElement, start: float, end: float) -> None:
        """Press the mouse at one share of the chart's width and let go at another."""
        over = figure.find_element("css selector", ".u-over")
        first, last = self.offset(over, start), self.offset(over, end)
        chain = ActionChains(self.driver).move_to_element_with_offset(over, first, 0).click_and_hold()
        chain.move_by_offset((last - first) // 2, 0).move_by_offset(
            (last - first) // 2, 0
        ).release().perform()

    def swipe(self, figure: WebElement, start: float, end: float) -> None:
        """As `drag`, with a finger."""
        over = figure.find_element("css selector", ".u-over")
        box = self.run("return arguments[0].getBoundingClientRect().toJSON()", over)
        y = box["top"] + box["height"] / 2
        shares = [start, *(start + (end - start) * part / 4 for part in range(1, 5))]
        for number, share in enumerate(shares):
            point = {"x": box["left"] + share * box["width"], "y": y}
            kind = "touchMove" if number else "touchStart"
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def offset(self, over: WebElement, share: float) -> int:
        """From the middle of an element, from which the driver counts."""
        width: int = over.size["width"]
        return max(-width // 2 + 1, min(width // 2 - 1, round((share - 0.5) * width)))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser, ended afterwards; the test is skipped where none is installed."""
    binary = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver_path = shutil.which("chromedriver")
    if binary is None or driver_path is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
