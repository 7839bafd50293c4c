"""The recipes of docs/extending.md: found in the page, and applied to a copy of the packages."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "extending.md"
PACKAGES = ("devnet", "megaeth_cli")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class StaleRecipeError(Exception):
    """A block that does not fit the code any more."""


def recipes(page):
    """The code blocks of each section of a page, by its heading: (language, text)."""
    _, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    return {section.partition("\n")[0]: BLOCK.findall(section) for section in sections}


def copy_of_packages(directory):
    """A copy of the packages, with the engine that is built here."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
    for engine in (ROOT / "devnet").glob("*.so"):
        (directory / "devnet" / engine.name).symlink_to(engine)


def apply(blocks, directory):
    """What the blocks say, done in a directory; the paths of the files that they change."""
    changed = []
    for language, text in blocks:
        first, _, rest = text.partition("\n")
        if language == "diff":
            path = directory / first.removeprefix("--- ")
            path.write_text(patched(path.read_text(), rest, first))
        elif language == "python" and first.startswith("# "):
            path = directory / first.removeprefix("# ")
            if path.exists():
                raise StaleRecipeError(f"{first}: the file is there already")
            path.write_text(rest)
        else:
            raise StaleRecipeError(f"a block that says no file: {first}")
        changed.append(path)
    return changed


def patched(text, diff, where):
    """A text after a diff without line numbers: what it keeps and takes away must stand there, once."""
    lines = diff.splitlines(keepends=True)
    # An empty line stands for itself: editors take the blank from its beginning.
    before = "".join(
        line.removeprefix(" ") if line[0] != "-" else line[1:] for line in lines if line[0] != "+"
    )
    after = "".join(
        line.removeprefix(" ") if line[0] != "+" else line[1:] for line in lines if line[0] != "-"
    )
    if (found := text.count(before)) != 1:
        raise StaleRecipeError(f"{where}: these lines stand there {found} times:\n{before}")
    return text.replace(before, after)
