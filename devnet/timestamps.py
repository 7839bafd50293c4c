"""Moments as text: ISO 8601, UTC, milliseconds; they compare as they follow one another."""

from datetime import UTC, datetime


def timestamp() -> str:
    """Now."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
