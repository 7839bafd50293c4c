"""How near an execution comes to what a chain's rules allow one transaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from megaeth_cli.chain.allowance import Allowance
from megaeth_cli.inspect.reasons import DETAINED, DIMENSIONS, MEMBERS
from megaeth_cli.units import quantity

Json = Any

_HALTS = ("DataLimitExceeded", "KVUpdateLimitExceeded", "ComputeGasLimitExceeded", "StateGrowthLimitExceeded")


@dataclass(frozen=True)
class Dimension:
    """How much of a limit was used."""

    name: str
    used: int
    limit: int
    reached: bool = False
    """Whether it ended there: what was used is forgotten then."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return 1.0 if self.reached else self.used / self.limit if self.limit else 0.0


def metered(mega: Json, allowance: Allowance, reached: int | None = None) -> Iterator[Dimension]:
    """The limited dimensions that a `mega` object tells, of which one, by its number, was used up."""
    told = (mega or {}).get("haltReason")
    halt: dict[str, Json] = told if isinstance(told, dict) else {}
    is_ended = halt.get("kind") == DETAINED
    for kind, member in enumerate(MEMBERS):
        if not mega or member not in mega:
            continue
        name, used, limit = DIMENSIONS[kind], quantity(mega[member]), allowance.limits[kind]
        cap = (mega.get("detention") or {}).get("limit") or (halt.get("limit") if is_ended else None)
        if member == "computeGas" and cap is not None:
            yield Dimension(f"{name}, detained", used, quantity(cap), reached=is_ended)
        elif limit is not None:
            yield Dimension(name, used, limit, kind == reached or halt.get("kind") == _HALTS[kind])
