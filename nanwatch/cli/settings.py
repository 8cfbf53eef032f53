"""Defaults from ``[tool.nanwatch]`` of the pyproject.toml here or above, under what options say."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nanwatch.errors import BadConfig

KNOWN = {
    "log-dir": str,
    "on-incident": str,
    "fail-on": str,
    "quiet": bool,
    "verbose": bool,
    "snapshot-limit": int,
    "prove": (int, float),
    "keras": (int, str),
    "format": str,
    "max-steps": int,
    "deadline": (int, float),
    "select": list,
    "ignore": list,
    "baseline": str,
}


def setting(*names: str, **facts: Any) -> Callable[[Any], Any]:
    """An option whose default comes from NANWATCH_<NAME>, then from pyproject.toml."""
    variable = "NANWATCH_" + names[0].lstrip("-").upper().replace("-", "_")
    return click.option(*names, envvar=variable, callback=with_settings, **facts)


def keras_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--keras``."""
    decorate: Callable[..., Callable[..., Any]] = setting(
        "--keras",
        default="3",
        type=click.Choice(["2", "3"]),
        help="2: the script gets Keras 2 (tf_keras), with its old names, as `keras` and `tensorflow.keras`.",
    )
    return decorate(command)


def with_settings(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """An option that was given neither here nor in the environment comes from pyproject.toml."""
    source = ctx.get_parameter_source(param.name or "")
    if source is not click.core.ParameterSource.DEFAULT:
        return value
    found = settings(Path.cwd()).get(param.name or "")
    if found is None:
        return value
    if isinstance(found, list):  # ["NW201", "NW203"], as an option writes NW201,NW203
        found = ",".join(map(str, found))
    try:
        return param.type_cast_value(ctx, found)
    except click.BadParameter as error:
        raise BadConfig(f"[tool.nanwatch] {param.name} in pyproject.toml: {error.message}") from error


def settings(start: Path) -> dict[str, Any]:
    """The table, keys spelled as options are (``log_dir``); empty where there is none.

    Raises:
        BadConfig: it cannot be read, or holds a key or a type that nanwatch does not know.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            return check_table(path, table_of(path))
    return {}


def table_of(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("nanwatch", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadConfig(f"{path} cannot be read: {error}.") from error
    if not isinstance(table, dict):
        raise BadConfig(f"tool.nanwatch in {path} is not a table.")
    return table


def check_table(path: Path, table: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in KNOWN:
            raise BadConfig(
                f"[tool.nanwatch] in {path} has {key}, which is not a setting; "
                f"the settings are {', '.join(sorted(KNOWN))}."
            )
        kind = KNOWN[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):  # type: ignore[arg-type]
            raise BadConfig(f"[tool.nanwatch] {key} in {path} is {value!r}, which has the wrong type.")
        found[name.replace("-", "_")] = value
    return found
