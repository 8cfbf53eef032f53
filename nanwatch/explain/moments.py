"""When a run began, where its record says so in a way that can be read."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_of(started: str) -> datetime | None:
    """``started`` in UTC; None where it is no moment."""
    try:
        return datetime.fromisoformat(started).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
