"""The syntax trees of many files, with types, as the compiler sees them; files that go together share a compilation.

Of the files that were asked for, there is the code as well; of what they import, the tree only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megaeth_cli.compile import cache, standard_json
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.plan import Options, Plan, Planner, request_key
from megaeth_cli.compile.remapping import Remapping
from megaeth_cli.compile.sources import SourceSet
from megaeth_cli.compile.standard_json import Contract

Json = dict[str, Any]

_CODE = [
    "abi",
    "evm.bytecode.object",
    "evm.bytecode.linkReferences",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.linkReferences",
]


@dataclass(frozen=True)
class Tree:
    """The syntax of one file: the compiler's compact JSON (`nodeType`, `src`, ...)."""

    unit: str
    path: Path
    text: str
    asked: bool
    """Whether it was asked for; else something imports it."""
    root: Json


@dataclass(frozen=True)
class Program:
    """Files that were compiled together: identifiers of nodes are unique within."""

    compiler: str
    trees: tuple[Tree, ...]
    contracts: tuple[Contract, ...]
    """Of the files that were asked for."""


def parse(paths: Iterable[Path], options: Options) -> list[Program]:
    """Compile files, each as its project says; CompileError shows the offending lines."""
    planner = Planner(options)
    groups: dict[tuple[Path, str, str], list[Plan]] = defaultdict(list)
    for path in paths:
        if path.suffix != ".sol":
            raise CompileError(
                f"{path} is not Solidity", "the syntax is solc's", "name .sol files, or a directory"
            )
        plan = planner.plan(path)
        groups[plan.project.root, plan.compiler.origin, repr(plan.settings)].append(plan)
    return [_compile(plans, options) for plans in groups.values()]


def _compile(plans: list[Plan], options: Options) -> Program:
    first = plans[0]
    found = _joined(plans)
    asked = {plan.unit for plan in plans}
    request = standard_json.request(
        found.contents, [str(one) for one in found.remappings], first.settings, first.compiler.version
    )
    request["settings"]["outputSelection"] = {"*": {"": ["ast"]}} | {unit: {"*": _CODE} for unit in asked}
    key = f"{request_key(first.compiler_name, request)}-trees"
    answer = cache.load(options.cache, key)
    if answer is None:
        answer = first.compiler.run(request)
        standard_json.raise_errors(answer)
        cache.store(options.cache, key, answer)
    return Program(
        first.compiler_name,
        tuple(
            Tree(unit, found.paths[unit], found.contents[unit], unit in asked, place["ast"])
            for unit, place in answer["sources"].items()
        ),
        tuple(one for one in standard_json.contracts(answer) if one.unit in asked),
    )


def _joined(plans: list[Plan]) -> SourceSet:
    joined = SourceSet()
    remappings: dict[Remapping, None] = {}
    for plan in plans:
        joined.contents |= plan.found.contents
        joined.paths |= plan.found.paths
        remappings |= dict.fromkeys(plan.found.remappings)
    joined.remappings = tuple(remappings)
    return joined
