"""What the package asks to be installed is what it imports."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_YET = {"web3": "for the library of this project that wraps it, which is not there yet"}
"""Declared, and imported by nothing so far."""


def declared() -> list[str]:
    """The distributions of `dependencies`."""
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return [re.split(r"[^\w-]", one, maxsplit=1)[0] for one in requirements]


def used(source: str) -> Iterator[str]:
    """Packages that a source imports, or finds to read their data."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (one.name.partition(".")[0] for one in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Name(id="find_spec"), args=[ast.Constant(value=str(name))]):
                yield name


@pytest.fixture(scope="module")
def imported() -> set[str]:
    paths = [path for room in ("devnet", "megaeth_cli") for path in (ROOT / room).rglob("*.py")]
    return {name for path in paths for name in used(path.read_text())}


@pytest.mark.parametrize("distribution", sorted(set(declared()) - set(NOT_YET)))
def test_a_declared_dependency_is_imported(distribution, imported):
    provided = {
        package
        for package, names in packages_distributions().items()
        if distribution.lower() in (re.sub(r"[-_.]+", "-", name).lower() for name in names)
    }
    assert provided, f"{distribution} is not installed"
    assert provided & imported


def test_an_exception_is_declared_and_still_needed(imported):
    for name, reason in NOT_YET.items():
        assert name in declared()
        assert name not in imported, f"no longer an exception ({reason})"


def test_what_is_used_is_found_wherever_it_stands():
    source = "import a.b\ndef f():\n    from c.d import e\n    find_spec('g')\n    from . import h\n"
    assert set(used(source)) == {"a", "c", "g"}
