"""The packages' rooms stand on floors: who imports a room is never imported by it, not even through others."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def imported(source: str, package: str) -> Iterator[str]:
    """The package's modules that a source imports, wherever in it: `package.room.module`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (f"{package}.{one.name}" for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names)


def rooms(package: str) -> dict[str, set[str]]:
    """What each room imports: a directory of the package, or a file that lies in none."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / package).rglob("*.py"):
        room = path.relative_to(ROOT / package).with_suffix("").parts[0]
        others = (name.split(".") for name in imported(path.read_text(), package))
        found.setdefault(room, set()).update(
            other[1] for other in others if other[0] == package and len(other) > 1 and other[1] != room
        )
    return found


@pytest.mark.parametrize("package", ["devnet", "megaeth_cli", "bench"])
def test_no_import_leads_back_up_between_rooms(package):
    TopologicalSorter(rooms(package)).prepare()


def test_a_circle_would_be_noticed():
    with pytest.raises(CycleError):
        TopologicalSorter({"chain": {"errors"}, "errors": {"env"}, "env": {"chain"}}).prepare()


def test_imports_are_found_at_the_top_and_inside_functions():
    source = "from devnet import lock\nimport os\ndef later():\n    from devnet.sync.node import Node\n"

    assert list(imported(source, "devnet")) == ["devnet.lock", "os", "devnet.sync.node"]


def test_the_engine_and_the_node_know_nothing_of_the_command_line():
    sources = [path.read_text() for path in (ROOT / "devnet").rglob("*.py")]

    assert len(sources) > 100
    assert not [name for text in sources for name in imported(text, "megaeth_cli") if "megaeth_cli" in name]
