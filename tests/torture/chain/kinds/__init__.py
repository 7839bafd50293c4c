"""Every kind of transaction, by family. Importing this package registers all of them."""

from tests.torture.chain.kinds import (
    calls,
    creations,
    delegation,
    deposits,
    destruction,
    interventions,
    limits,
    plain,
    storage,
    system,
    withdrawals,
)
from tests.torture.chain.kinds.registry import KINDS, SETUP, Kind

__all__ = [
    "KINDS",
    "SETUP",
    "Kind",
    "calls",
    "creations",
    "delegation",
    "deposits",
    "destruction",
    "interventions",
    "limits",
    "plain",
    "storage",
    "system",
    "withdrawals",
]
