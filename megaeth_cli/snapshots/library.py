"""Where snapshots lie by their names, and which file a word means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from devnet.errors import ConfigError
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError, ExitStatus

if TYPE_CHECKING:
    from devnet.snapshots.file import SnapshotFile

SUFFIX: Final = ".megasnap"
LIST: Final = "megaeth snapshot list"
_LONGEST: Final = 100


def is_name(text: str) -> bool:
    """Whether snapshots may be called so, as devnets are: letters, digits, - and _."""
    plain = text.replace("-", "").replace("_", "")
    return plain.isalnum() and plain.isascii() and not text.startswith("-") and len(text) <= _LONGEST


def place_of(env: Environment, name: str) -> Path:
    """Where the snapshot of that name lies, or would. CliError: it is no name."""
    if not is_name(name):
        raise CliError(
            f"not a name: '{name}'",
            f"up to {_LONGEST} letters, digits, - and _ make one",
            "",
            ExitStatus.USAGE,
        )
    return env.paths.snapshots / f"{name}{SUFFIX}"


def named(env: Environment, name: str) -> Path:
    """The snapshot of that name. CliError: there is none."""
    path = place_of(env, name)
    if not path.exists():
        raise _unknown(env, name)
    return path


def meant(env: Environment, word: str) -> Path:
    """The snapshot that a word means: one of that name, else a file. CliError: neither is there."""
    if is_name(word) and (path := place_of(env, word)).exists():
        return path
    file = env.cwd / Path(word).expanduser()
    if not file.is_file():
        raise _unknown(env, word)
    return file


def _unknown(env: Environment, word: str) -> CliError:
    known = ", ".join(path.stem for path in all_of(env))
    return CliError(
        f"there is no snapshot '{word}'", f"there are {known}" if known else "there is none yet", LIST
    )


def all_of(env: Environment) -> list[Path]:
    """All that have a name, in its order."""
    return sorted(path for path in env.paths.snapshots.glob(f"*{SUFFIX}") if is_name(path.stem))


def opened(path: Path) -> SnapshotFile:
    """The file, with what it says of itself. ConfigError: it is none, or damaged."""
    from devnet.snapshots.file import SnapshotFile
    from devnet.snapshots.manifest import SnapshotError

    if not path.is_file():  # opening a pipe would wait for who writes to it
        raise bad_file(path, "it is no file")
    try:
        return SnapshotFile(path)
    except SnapshotError as error:
        raise bad_file(path, str(error)) from None
    except OSError as error:
        raise bad_file(path, error.strerror or str(error)) from None


def check_whole(file: SnapshotFile) -> None:
    """Every byte, by the checksums. ConfigError: it is damaged."""
    from devnet.snapshots.manifest import SnapshotError

    try:
        file.check()
    except SnapshotError as error:
        raise bad_file(file.path, str(error)) from None


def bad_file(path: Path, why: str) -> ConfigError:
    """What is said of a file that can't be used; nothing has changed."""
    return ConfigError(
        f"{path} can't be used as a snapshot", why, "nothing was changed; use another copy of the file"
    )


def pieces_of(path: Path) -> Iterator[bytes]:
    """A file's bytes, some at a time."""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece
