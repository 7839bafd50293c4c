"""Patterns in Solidity that bite on MegaETH: from syntax trees to findings, with costs that the engine is asked for.

    compile.trees -> code (nodes, places) -> loops, effects, growth -> rules -> suppressions -> Report

Knows no chain and no text of sources but its comments. `lint` is the door.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from megaeth_cli.compile import Options
from megaeth_cli.compile.trees import Program, parse
from megaeth_cli.lint.code import Code
from megaeth_cli.lint.costs import Costs
from megaeth_cli.lint.findings import Deployment, Finding, Level, Place
from megaeth_cli.lint.rule import Rule, Subject
from megaeth_cli.lint.rules import RULES
from megaeth_cli.lint.suppressions import suppress, suppressions_of

_LIBRARY = re.compile(r"__.{36}__")

__all__ = ["RULES", "Costs", "Deployment", "Finding", "Level", "Place", "Report", "Rule", "lint"]


@dataclass(frozen=True)
class Report:
    """What was found in some files."""

    spec: str
    """The rules that costs were asked for under."""
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]
    """By place; those that a comment covers too."""
    deployments: tuple[Deployment, ...]
    """Of all contracts with code, the dearest first."""

    def worst(self) -> Level | None:
        """The highest level of what no comment covers."""
        open_ = [one.level for one in self.findings if one.suppressed is None]
        return max(open_, key=lambda level: level.rank, default=None)


def lint(paths: Iterable[Path], options: Options, costs: Costs, rules: Collection[Rule]) -> Report:
    """Compile files and look at them; CompileError shows what does not compile."""
    files = tuple(paths)
    findings: list[Finding] = []
    deployments: list[Deployment] = []
    for program in parse(files, options):
        code = Code(program)
        ours = tuple(_deployments(code, program, costs))
        subject = Subject(code, costs, ours)
        found = [one for rule in rules for one in rule.check(subject)]
        names = {rule.name for rule in rules}
        comments = [
            one
            for tree in program.trees
            if tree.asked
            for one in suppressions_of(tree, frozenset(RULES))
            # Of a rule that was not asked for nobody knows whether the comment covers something.
            if one.problem or one.rules <= names
        ]
        findings += suppress(found, comments)
        deployments += ours
    findings.sort(key=lambda one: (one.place.path, one.place.begin, one.rule))
    deployments.sort(key=lambda one: -one.gas)
    return Report(costs.spec, files, tuple(findings), tuple(deployments))


def _deployments(code: Code, program: Program, costs: Costs) -> Iterator[Deployment]:
    nodes = {
        (tree.unit, node["name"]): node
        for tree in program.trees
        if tree.asked
        for node in tree.root["nodes"]
        if node["nodeType"] == "ContractDefinition"
    }
    for contract in program.contracts:
        if contract.runtime:
            creation, runtime = _linked(contract.bytecode), _linked(contract.runtime)
            gas, ethereum = (one.deployment(creation, runtime) for one in (costs, costs.ethereum))
            if gas is not None and ethereum is not None:
                place = code.place(nodes[contract.unit, contract.name])
                yield Deployment(
                    contract.name,
                    place,
                    len(runtime),
                    len(creation),
                    gas.compute,
                    gas.storage,
                    ethereum.total,
                )


def _linked(code: str) -> bytes:
    """Code with something in place of the libraries' addresses: `__$...$__`, 40 characters each."""
    return bytes.fromhex(_LIBRARY.sub("11" * 20, code))
