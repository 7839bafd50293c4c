"""What a call will cost, and what it would cost if the buckets that it writes to were crowded."""

from dataclasses import dataclass
from typing import Any

from megaeth_cli.contracts.network import Network
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.lab import Lab
from megaeth_cli.traces.limits import Dimension, metered
from megaeth_cli.traces.subject import Subject, call_tree
from megaeth_cli.units import quantity

Json = Any
MULTIPLIERS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Crowded:
    """The same with all buckets so many times their smallest size."""

    multiplier: int
    gas_limit: int | None
    """That it needs; None where it fails."""
    gas_used: int | None


@dataclass(frozen=True)
class Estimation:
    """What is known before it is sent."""

    root: Frame
    """As it would be executed now."""
    gas_limit: int
    """That it needs now, as the node says."""
    price_wei: int
    dimensions: tuple[Dimension, ...]
    crowded: tuple[Crowded, ...]

    @property
    def fee_wei(self) -> int:
        """Of what it uses now."""
        return self.root.gas_used * self.price_wei

    @property
    def binding(self) -> Dimension | None:
        """The limit that it comes closest to."""
        return max(self.dimensions, key=lambda one: one.share, default=None)

    @property
    def safe_gas_limit(self) -> int:
        """With it the call passes in the most crowded of the buckets that were tried."""
        return max([self.gas_limit, *(one.gas_limit for one in self.crowded if one.gas_limit is not None)])


def estimate(network: Network, subject: Subject, gas_limit: int) -> Estimation:
    """Ask the node, then the engine under other circumstances."""
    price, block = network.node.batch([("eth_gasPrice", []), ("eth_getBlockByNumber", ["latest", False])])
    root = call_tree(network, subject)
    lab = Lab.open(network, subject)
    crowded = [_crowded(lab, multiplier) for multiplier in MULTIPLIERS]
    dimensions = [Dimension("gas of a block", root.gas_used, quantity(block["gasLimit"]))]
    return Estimation(
        root,
        gas_limit,
        quantity(price),
        (*dimensions, *metered(root.mega, network.allowed())),
        tuple(crowded),
    )


def _crowded(lab: Lab, multiplier: int) -> Crowded:
    needed = lab.estimate(multiplier)
    used = lab.under(multiplier=multiplier, gas=hex(needed)).gas if needed is not None else None
    return Crowded(multiplier, needed, used)
