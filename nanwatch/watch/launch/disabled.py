"""``NANWATCH_DISABLE``: whether nanwatch is turned off."""

from __future__ import annotations

import os


def is_disabled() -> bool:
    return os.environ.get("NANWATCH_DISABLE", "") not in ("", "0")
