"""``python -m tests.pictures``: the pictures in docs/pictures/, of what nanwatch shows of the example.

The report in the terminal is an SVG by rich. The page, and the cell of a notebook as nbconvert shows it, are
PNGs by a browser without a window. ``python -m tests.pictures terminal page`` makes some of them.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.example_runs import EXAMPLES, SHOWN, example_run
from tests.side_by_side import COMMAND, Ended, ended
from tests.written_pages import DOCS

PICTURES = DOCS / "pictures"
COLUMNS = 80
PAGE = (1100, 1175)  # pixels of the page that are shown: verdict, cause, change and its trial
CELL_WIDTH = 1000
COLORS = 128  # of a PNG, which is a quarter as large then
FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)  # from another server, and never loaded in a picture
# What a user types in the cells of a notebook: the example's own lines, with the import and the callback.
WATCHED = (
    ("import keras\n", "import nanwatch\nimport keras\n"),
    ("verbose=2)", "verbose=0, callbacks=[nanwatch.Watch()])"),
)


def main(wanted: list[str]) -> int:
    pictures: dict[str, Callable[[], Path]] = {
        "terminal": draw_terminal,
        "page": draw_page,
        "cell": draw_cell,
    }
    if unknown := set(wanted) - set(pictures):
        print(
            f"There is no picture {', '.join(sorted(unknown))}; there are {', '.join(pictures)}.",
            file=sys.stderr,
        )
        return 2
    PICTURES.mkdir(exist_ok=True)
    for name in wanted or pictures:
        path = pictures[name]()
        print(f"{path.relative_to(DOCS.parent)}: {path.stat().st_size / 1024:.0f} kB")
    return 0


def explained(*options: str) -> Ended:
    """What ``nanwatch explain`` says of the example's run, in a terminal with colours."""
    command = (*COMMAND, "explain", "logs", *options)
    done = ended(example_run(SHOWN).folder, *command, COLUMNS=str(COLUMNS), FORCE_COLOR="1")
    assert done.status == 0, done.stderr.decode()
    return done


def draw_terminal() -> Path:
    said = explained().stdout.decode()
    path = PICTURES / "report.svg"
    path.write_text(svg_of(said.strip("\n"), f"nanwatch run examples/{SHOWN}.py"), encoding="utf-8")
    return path


def svg_of(ansi: str, title: str) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), legacy_windows=False)
    console.print(Text.from_ansi(ansi), no_wrap=True, crop=False)
    return FONTS.sub("", console.export_svg(title=title, unique_id="report"))


def draw_page() -> Path:
    explained("--format", "html:page.html")
    return shoot(example_run(SHOWN).folder / "page.html", PICTURES / "page.png", *PAGE)


def draw_cell() -> Path:
    with tempfile.TemporaryDirectory(prefix="nanwatch-cell-") as folder:
        page = Path(folder, "notebook.html")
        page.write_text(executed_notebook(Path(folder)), encoding="utf-8")
        return shoot(page, PICTURES / "cell.png", CELL_WIDTH, last_cell_alone=True)


def executed_notebook(folder: Path) -> str:
    """The example in two cells, executed in a kernel, as HTML."""
    import nbclient
    import nbformat
    from nbconvert import HTMLExporter

    code = (
        (EXAMPLES / f"{SHOWN}.py").read_text(encoding="utf-8").partition("\n\n")[2].replace("  # NW201", "")
    )
    for old, new in WATCHED:
        assert old in code
        code = code.replace(old, new)
    first, fit = code.rstrip().rsplit("\n", 1)
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, (first, fit))))
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", allow_errors=True, resources=resources
    ).execute()
    (html, _) = HTMLExporter(template_name="lab").from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    return str(html)


def shoot(
    page: Path, picture: Path, width: int, height: int | None = None, last_cell_alone: bool = False
) -> Path:
    """What a browser shows of ``page``, as a PNG of few colours."""
    from PIL import Image

    from tests.explain.browser import browser

    with browser() as shown:
        shown.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        shown.look(page, width)
        if last_cell_alone:
            shown.run("document.querySelectorAll('.jp-Cell:not(:last-child)').forEach(each => each.remove())")
        pixels = height or int(shown.run("return document.body.scrollHeight"))
        size = {"width": width, "height": pixels, "deviceScaleFactor": 1, "mobile": False}
        shown.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        taken = shown.driver.get_screenshot_as_png()
    image = Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLORS)
    image.save(picture, optimize=True)
    return picture


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
