"""What a rule is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from megaeth_cli.lint.code import Code, Node
from megaeth_cli.lint.costs import Costs
from megaeth_cli.lint.effects import EffectsOf
from megaeth_cli.lint.findings import Deployment, Finding, Level
from megaeth_cli.lint.growth import Growth
from megaeth_cli.lint.loops import Loops

SPECIFICATION = "https://github.com/megaeth-labs/mega-evm/blob/main/docs/spec/evm"
_NO_LIMIT = 1 << 62


@dataclass(frozen=True)
class Subject:
    """A program, and what things cost where it shall run."""

    code: Code
    costs: Costs
    deployments: tuple[Deployment, ...] = ()

    @cached_property
    def effects(self) -> EffectsOf:
        """What functions do, in order."""
        detained = self.costs.detained_compute
        turns = detained // self.costs.slot_read.total if detained is not None else _NO_LIMIT
        detaining = self.costs.detaining if detained is not None else frozenset()
        return EffectsOf(self.code, detaining, turns)

    @cached_property
    def loops(self) -> Loops:
        """How often loops turn."""
        return Loops(self.code)

    @cached_property
    def growth(self) -> Growth:
        """What loops add to the state."""
        return Growth(self.code)

    def found(
        self,
        rule: str,
        level: Level,
        message: str,
        node: Node,
        measured: dict[str, int],
        related: Iterable[tuple[str, Node]] = (),
    ) -> Finding:
        """A finding at a node."""
        places = tuple((text, self.code.place(one)) for text, one in related)
        return Finding(rule, level, message, self.code.place(node), places, measured)


@dataclass(frozen=True)
class Rule:
    """One pattern that bites."""

    name: str
    title: str
    """What is wrong, in a line."""
    why: str
    """Why it bites on MegaETH."""
    remedy: str
    """What to do."""
    source: str
    """Where MegaETH says so: a URL."""
    check: Callable[[Subject], Iterable[Finding]]
    measures: Callable[[Costs], list[tuple[str, str]]]
    """What the rule stands on, measured: (what, how much)."""
