"""Everything that is said about one transaction or call: its verdict, its gas, its limits, and other rules."""

from dataclasses import dataclass
from typing import Any

from megaeth_cli.chain.own_engine import ETHEREUM, FORKS
from megaeth_cli.chain.rpc_client import RpcError
from megaeth_cli.contracts.network import Network
from megaeth_cli.inspect.reasons import Reason
from megaeth_cli.traces.caught import Caught, caught_cuts
from megaeth_cli.traces.deposit import Deposit, unpaid_deposit
from megaeth_cli.traces.detention import Read, first_read
from megaeth_cli.traces.frame import OUT_OF_GAS, Frame
from megaeth_cli.traces.lab import Lab
from megaeth_cli.traces.limits import Dimension, metered
from megaeth_cli.traces.names import Names
from megaeth_cli.traces.place import NOWHERE, Place, called_at, fault_place
from megaeth_cli.traces.positions import Positions
from megaeth_cli.traces.shares import Crowding, Share, crowding, shares
from megaeth_cli.traces.steps import MOST, Steps, join
from megaeth_cli.traces.subject import Subject, call_tree, instructions
from megaeth_cli.traces.verdict import Evidence, Verdict, verdict
from megaeth_cli.transactions.transact import failure, reason_of

Json = Any

KEPT_BYTES = 1024
"""Of what a transaction reverted with, in its receipt; its trace has all."""


@dataclass(frozen=True)
class Elsewhere:
    """The same under other rules."""

    spec: str
    gas: int | None
    outcome: str
    """`succeeds`, or why not."""


@dataclass(frozen=True)
class Explanation:
    """What is known in the end."""

    subject: Subject
    root: Frame
    names: Names
    verdict: Verdict
    reason: Reason | None
    path: tuple[Frame, ...]
    """From the whole down to the frame at fault; empty where it succeeded."""
    place: Place
    """Where it failed."""
    read: Read | None
    read_place: Place
    deposit: Deposit | None
    """What a new contract's code would have cost, where that was too much."""
    caught: tuple[Caught, ...]
    """Calls within that met a limit of their own, and whose callers went on."""
    shares: tuple[Share, ...]
    crowding: tuple[Crowding, ...]
    dimensions: tuple[Dimension, ...]
    forwarded: tuple[int, int] | None
    """What the call at fault was given of what its caller had."""
    elsewhere: tuple[Elsewhere, ...]
    needed: int | None
    """The gas limit with which it succeeds, where it ran out of gas."""
    complete: bool
    """Whether all instructions were looked at."""


def explain(network: Network, subject: Subject, names: Names, *, forks: bool) -> Explanation:
    """Ask for all of it."""
    root = call_tree(network, subject)
    network.contracts.expect(frame.to for frame in root.walk() if frame.to is not None)
    lab = Lab.open(network, subject)
    steps = join(root, instructions(network, subject, MOST))
    positions = Positions(network)
    reason = _reason(network, subject, root, names)
    path = tuple(root.at_fault()) if root.failed else ()
    place = fault_place(path, steps, positions, lab) if path else NOWHERE
    read = first_read(root, steps)
    read_place = _read_place(root, read, steps, positions) if read is not None else NOWHERE
    deposit = unpaid_deposit(path, steps, lab) if path else None
    caught = tuple(caught_cuts(root, steps, network.allowed()))
    said = verdict(
        Evidence(root, names, network.allowed(), root.mega, reason, place, read, read_place, deposit, caught)
    )
    return Explanation(
        subject,
        root,
        names,
        said,
        reason,
        path,
        place,
        read,
        read_place,
        deposit,
        caught,
        tuple(shares(root, steps, lab)),
        # What ran for long did so computing: it would take as long again, and again, to ask.
        tuple(crowding(root, lab)) if steps.complete else (),
        tuple(_dimensions(network, root, names, path)),
        _forwarded(path, steps),
        tuple(_elsewhere(lab, names)) if forks else (),
        lab.estimate() if root.error == OUT_OF_GAS else None,
        steps.complete,
    )


def _reason(network: Network, subject: Subject, root: Frame, names: Names) -> Reason | None:
    """Why the whole failed, as a receipt or an error has it."""
    if subject.receipt is not None and len(root.output) <= KEPT_BYTES:
        known = names.known(root.to).interface if root.to is not None else None
        return failure(network, subject.receipt, subject.transaction, [known] if known is not None else [])
    if not root.failed or subject.receipt is not None:
        return names.failure(root)
    try:
        network.node.call("eth_call", subject.call, subject.block)
    except RpcError as error:
        return reason_of(error, (), network) or names.failure(root)
    return names.failure(root)


def _read_place(root: Frame, read: Read, steps: Steps, positions: Positions) -> Place:
    line = positions.statement(read.frame, read.pc)
    if line is not None:
        return Place(line)
    return called_at(root.path_to(read.frame.number), steps, positions)


def _dimensions(network: Network, root: Frame, names: Names, path: tuple[Frame, ...]) -> list[Dimension]:
    """Gas, then what MegaETH meters besides."""
    reached = names.limit(path[-1])[0] if path and names.is_limit(path[-1]) else None
    gas = Dimension("gas", root.gas_used, root.gas, reached=root.error == OUT_OF_GAS)
    return [gas, *metered(root.mega, network.allowed(), reached)]


def _forwarded(path: tuple[Frame, ...], steps: Steps) -> tuple[int, int] | None:
    """Of a call within that ran out of gas: what it was given of what there was."""
    if len(path) < 2 or path[-1].error != OUT_OF_GAS:
        return None
    begun = steps.callers.get(path[-1].number)
    return (path[-1].gas, begun.gas) if begun is not None else None


def _elsewhere(lab: Lab, names: Names) -> list[Elsewhere]:
    """Ethereum, and each of MegaETH's forks."""
    found = []
    for spec in (ETHEREUM, *FORKS):
        outcome = lab.under(spec)
        if outcome.frame is None:
            found.append(Elsewhere(spec, None, outcome.refusal))
            continue
        why = names.failure(outcome.frame)
        found.append(Elsewhere(spec, outcome.gas, why.text if why is not None else "succeeds"))
    return found
