"""Print requirements of pyproject.toml, one per line: `build` for the build system, else the named extra."""

import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def requirements(group: str) -> list[str]:
    """The requirements of the build system (`build`) or of an optional extra."""
    project = tomllib.loads(PYPROJECT.read_text())
    found: list[str] = (
        project["build-system"]["requires"]
        if group == "build"
        else project["project"]["optional-dependencies"][group]
    )
    return found


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1])))
