"""Why a database can't be used. Each error leaves the data as it found them."""

from __future__ import annotations

from pathlib import Path

from devnet.errors import UnavailableError

RESET_HINT = "start with --reset to begin a new chain there, or choose another --data-dir"


class StorageError(UnavailableError):
    """The data directory can't be used."""


class Corrupted(StorageError):
    """The database is damaged or incomplete."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"the database in {path} is damaged",
            why,
            "put a copy of that directory back, or remove it if it is a full node's (it takes the chain from its peers "
            f"again), or {RESET_HINT}",
        )


class TooNew(StorageError):
    """A later version of this program wrote the database."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"the database in {path} has format {found}",
            f"this version reads formats up to {known}",
            f"nothing was changed; upgrade megaeth, or {RESET_HINT}",
        )


class OtherChain(StorageError):
    """The database holds a chain that these settings do not describe."""

    def __init__(self, path: Path, differences: list[str]) -> None:
        super().__init__(
            f"{path} holds another chain",
            "; ".join(differences),
            f"nothing was changed; use the settings of that chain, {RESET_HINT}",
        )


class Unwritable(StorageError):
    """The operating system does not let us write there."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"cannot use the data directory {path}", why, "choose another with --data-dir")


class Pruned(LookupError):
    """What is asked for lies before the place where the log begins by now."""


NOT_DAMAGE = ("permission denied", "read-only", "no space", "too many open files", "file too large", "quota")


def translated(error: Exception, directory: Path) -> StorageError:
    """LevelDB's complaint in our words."""
    text = " ".join(
        part.decode(errors="replace") if isinstance(part, bytes) else str(part) for part in error.args
    )
    if any(words in text.lower() for words in NOT_DAMAGE):
        return Unwritable(directory, text)
    return Corrupted(directory, text)
