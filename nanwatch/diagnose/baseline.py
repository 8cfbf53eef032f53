"""A baseline: the findings that a project lives with, in a JSON file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from nanwatch.diagnose.diagnosis import Diagnoses
from nanwatch.diagnose.places import fingerprint, lasting_path, place_of
from nanwatch.errors import BadConfig
from nanwatch.record import strict_json
from nanwatch.record.run import Run

FORMAT = 1


def keys_of(diagnoses: Diagnoses, run: Run, root: str | None = None) -> list[str]:
    """A key for each diagnosis, in order: those that SARIF holds under ``partialFingerprints``.

    Those of one rule on one text of a line are told apart by their number.
    """
    seen: Counter[str] = Counter()
    keys = []
    for diagnosis in diagnoses.diagnoses:
        at = place_of(run, diagnosis)
        digest = fingerprint(diagnosis.code, lasting_path(run, at, root), at.code)
        seen[digest] += 1
        keys.append(f"{digest}:{seen[digest]}")
    return keys


def read_baseline(path: Path) -> frozenset[str]:
    """The keys of the findings in the file.

    Raises:
        BadConfig: it cannot be read, or is not a baseline of this format.
    """
    try:
        table = strict_json.loads(path.read_bytes())
    except OSError as error:
        raise BadConfig(f"The baseline {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadConfig(f"The baseline {path} is not valid JSON.") from error
    if not isinstance(table, dict) or not isinstance(table.get("findings"), list):
        raise BadConfig(f"{path} is not a baseline: it has no list of findings.")
    if table.get("nanwatch_baseline") != FORMAT:
        raise BadConfig(f"{path} is not a baseline of format {FORMAT}; write it again with --write-baseline.")
    entries = [entry for entry in table["findings"] if isinstance(entry, dict)]
    return frozenset(str(entry.get("fingerprint")) for entry in entries)


def write_baseline(path: Path, diagnoses: Diagnoses, run: Run, root: str | None = None) -> int:
    """Put every diagnosis into the file; answers how many. Raises `BadConfig` where it cannot."""
    findings = []
    for diagnosis, key in zip(diagnoses.diagnoses, keys_of(diagnoses, run, root), strict=True):
        at = place_of(run, diagnosis)
        file = lasting_path(run, at, root)
        line = " ".join(at.code.split())
        findings.append({"code": diagnosis.code, "file": file, "line": line, "fingerprint": key})
    findings.sort(key=lambda entry: (entry["file"], entry["code"], entry["line"], entry["fingerprint"]))
    text = strict_json.dumps({"nanwatch_baseline": FORMAT, "findings": findings}, indent=2) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadConfig(f"The baseline {path} cannot be written: {error.strerror}.") from error
    return len(findings)
