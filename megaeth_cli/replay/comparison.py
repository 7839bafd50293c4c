"""A block as the chain says it went, beside what execution gives, under the chain's own rules and another fork's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devnet.proving.checker import Check
from megaeth_cli.chain.rpc_client import RpcError
from megaeth_cli.errors import CliError
from megaeth_cli.replay.execution import Execution, Outcome, UnknownStateError, execute
from megaeth_cli.replay.source import ToldBlock
from megaeth_cli.replay.told_state import Layers, NewContracts
from megaeth_cli.units import quantity

Json = Any

COMPARED = {
    "type": "type",
    "status": "status",
    "gasUsed": "gas used",
    "cumulativeGasUsed": "cumulative gas used",
    "logs": "logs",
    "logsBloom": "bloom",
    "depositNonce": "deposit nonce",
    "contractAddress": "contract address",
}
"""What is compared of receipts, in words."""
FOLLOWING = frozenset(("cumulativeGasUsed", "logsBloom"))
"""Members that say nothing new beside the gas of all transactions and the logs: under other rules they are no
difference of their own."""
_WHOLE_BLOCK = frozenset(
    (
        "transactions root",
        "block gas used",
        "receipts root",
        "logs bloom",
        "header hash",
        "transaction hashes",
    )
)
"""Checks that say nothing where only a part of the block was executed."""


@dataclass(frozen=True)
class Row:
    """One transaction."""

    place: int
    transaction: Json
    chain: Outcome
    """As the chain says it; execution's, where the chain's receipts are not known."""
    executed: Outcome | None
    """None: not found out."""
    differences: tuple[str, ...]
    """Members of the receipt that differ, or `refused`."""


@dataclass(frozen=True)
class Comparison:
    """What there is to say."""

    told: ToldBlock
    spec: str | None
    """The fork whose rules were asked for; None: the chain's own."""
    rows: tuple[Row, ...]
    faults: tuple[Check, ...]
    """What differs under the chain's own rules, of the block as a whole."""
    effort: Mapping[str, Any]
    is_chain_known: bool
    """Whether the chain's receipts are, or what they must be by the header that commits to them."""

    @property
    def same(self) -> bool:
        """Whether all is as on the chain."""
        return not any(row.differences or row.executed is None for row in self.rows) and (
            self.spec is not None or not self.faults
        )


def compare(told: ToldBlock, spec: str | None) -> Comparison:
    """Execute it. CliError where the state is not told that it takes."""
    if told.proof is not None and not told.proof.ok:
        return Comparison(told, spec, (), _faults(told.proof.checks, told), told.proof.effort, False)
    block = told.block
    if told.place is not None:
        block = {**block, "transactions": block["transactions"][: told.place + 1]}
    wanted = [told.place] if told.place is not None else range(len(block["transactions"]))
    state, capacities = Layers(told.states), told.capacities or {}
    try:
        own = execute(block, told.receipts, state, capacities, told.rules, wanted)
        if told.witness is not None:
            told.witness.close()
        executed = own
        if spec is not None:
            state = Layers([state, NewContracts()])
            other = under(told.rules, spec)
            executed = execute(block, _receipts(own, told), state, capacities, other, wanted)
    except UnknownStateError as error:
        raise _unknown(told, error) from error
    known = {one["transactionHash"]: one for one in told.receipts or ()}
    rows = []
    for place in wanted:
        transaction = block["transactions"][place]
        receipt = known.get(transaction["hash"])
        chain = Outcome(receipt) if receipt is not None else own.outcomes[place] or Outcome(None)
        outcome = executed.outcomes[place]
        found = differences(chain, outcome)
        if spec is not None:
            found = tuple(one for one in found if one not in FOLLOWING)
        rows.append(Row(place, transaction, chain, outcome, found))
    effort = executed.report.effort
    is_proven = own.report.ok or told.proof is not None
    return Comparison(
        told, spec, tuple(rows), _faults(own.report.checks, told), effort, bool(known) or is_proven
    )


def under(rules: Mapping[str, Json], spec: str) -> dict[str, Json]:
    """A chain's rules, had it had a fork's from genesis on."""
    kept = ("chainId", "sequencer", "dataBuckets", "interventions")
    return {name: rules[name] for name in kept if name in rules} | {"spec": spec}


def differences(chain: Outcome, outcome: Outcome | None) -> tuple[str, ...]:
    """Which members of two receipts differ; those that only one of them tells are not compared."""
    if outcome is None:
        return ()
    if chain.receipt is None or outcome.receipt is None:
        return () if chain.receipt is outcome.receipt else ("refused",)
    mine, other = chain.receipt, outcome.receipt
    return tuple(
        name
        for name in COMPARED
        if name in mine and name in other and _plain(name, mine[name]) != _plain(name, other[name])
    )


def _plain(name: str, value: Json) -> Json:
    """A member as it is compared."""
    if name == "logs":
        return [
            (log["address"].lower(), [one.lower() for one in log["topics"]], log["data"].lower())
            for log in value
        ]
    if isinstance(value, str):
        return value.lower() if name in ("logsBloom", "contractAddress") else quantity(value)
    return value


def _receipts(own: Execution, told: ToldBlock) -> list[Json]:
    """What to begin with under other rules: what the chain says, else what its own rules give."""
    if told.receipts is not None:
        return told.receipts
    return [one.receipt for one in own.outcomes if one is not None and one.receipt is not None]


def _faults(checks: tuple[Check, ...], told: ToldBlock) -> tuple[Check, ...]:
    partial = told.place is not None
    return tuple(check for check in checks if not (check.ok or (partial and check.name in _WHOLE_BLOCK)))


def _unknown(told: ToldBlock, error: UnknownStateError) -> Exception:
    """What to tell of a state that lacks something; a node that did not answer at all tells it itself."""
    failure = told.node.failure if told.node is not None else None
    if failure is not None and not isinstance(failure, RpcError):
        return failure
    return CliError(
        f"block {told.number:,} reads what nobody tells: {error.what}",
        failure.message if failure is not None else f"the state is told by {told.told_by}",
        "add --rpc-url of a node that still has the state before the block",
    )
