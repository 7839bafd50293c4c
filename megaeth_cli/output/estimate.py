"""An estimate, for people and for programs. Rendering only."""

from typing import Any

from megaeth_cli.output.bars import bars, columns
from megaeth_cli.output.facts import labelled
from megaeth_cli.traces.estimation import Estimation
from megaeth_cli.units import ether

Json = Any


def estimate_text(found: Estimation) -> str:
    """What it costs now, its limits, and what crowded buckets change."""
    root, binding = found.root, found.binding
    rows = [
        ("gas", f"{root.gas_used:,} = {root.compute_gas or 0:,} compute + {root.storage_gas or 0:,} storage"),
        ("gas limit", f"{found.gas_limit:,} now; {found.safe_gas_limit:,} to pass in crowded buckets, too"),
        ("fee", f"{ether(found.fee_wei)} ETH at {found.price_wei:,} wei"),
        ("closest limit", f"{binding.name}, {binding.share:.1%} used" if binding is not None else ""),
    ]
    crowded = [
        (
            f"{one.multiplier}",
            f"{one.gas_used:,}" if one.gas_used is not None else "?",
            f"{one.gas_limit:,}" if one.gas_limit is not None else "fails",
            f"{ether(one.gas_used * found.price_wei)} ETH" if one.gas_used is not None else "",
        )
        for one in found.crowded
    ]
    table = columns([("multiplier", "gas", "gas limit", "fee"), *crowded], right=3)
    return f"{labelled(rows, indent=0)}\n\nLimits\n{bars(found.dimensions)}\n\nIn crowded buckets\n{table}"


def gas_limit_text(gas_limit: int, price_wei: int) -> str:
    """What a node says that traces nothing."""
    fee = f"at most {ether(gas_limit * price_wei)} ETH at {price_wei:,} wei"
    return labelled([("gas limit", f"{gas_limit:,} now"), ("fee", fee)], indent=0)


def gas_limit_json(gas_limit: int, price_wei: int) -> dict[str, Json]:
    """The same for programs; what is not known is null."""
    unknown = (
        "gasUsed",
        "computeGas",
        "storageGas",
        "safeGasLimit",
        "feeWei",
        "binding",
        "limits",
        "crowded",
    )
    return {"gasLimit": gas_limit, "gasPriceWei": price_wei, **dict.fromkeys(unknown)}


def estimate_json(found: Estimation) -> dict[str, Json]:
    """The same for programs."""
    binding = found.binding
    return {
        "gasUsed": found.root.gas_used,
        "computeGas": found.root.compute_gas,
        "storageGas": found.root.storage_gas,
        "gasLimit": found.gas_limit,
        "safeGasLimit": found.safe_gas_limit,
        "gasPriceWei": found.price_wei,
        "feeWei": str(found.fee_wei),
        "binding": binding.name if binding is not None else None,
        "limits": [{"name": one.name, "used": one.used, "limit": one.limit} for one in found.dimensions],
        "crowded": [
            {"multiplier": one.multiplier, "gasUsed": one.gas_used, "gasLimit": one.gas_limit}
            for one in found.crowded
        ],
    }
