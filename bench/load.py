"""The product's load generator (`megaeth_cli.load`, what `megaeth bench` runs) on a target.

What was refused, lost or made by a generator at its limit voids a measurement: it would say nothing of the target.
"""

from __future__ import annotations

from bench.accounts import senders
from bench.targets import ACCOUNTS, HOST, Target
from megaeth_cli.load.outcome import Outcome
from megaeth_cli.load.payer import Payer
from megaeth_cli.load.run import Load, Shape, send
from megaeth_cli.load.senders import derived
from megaeth_cli.load.wire import Endpoint, LoadError
from megaeth_cli.load.workloads import Transfers, Workload
from megaeth_cli.rpc_client import RpcClient

WARM_UP = 400


def endpoint(target: Target) -> Endpoint:
    """Where a target answers."""
    return Endpoint(HOST, target.port)


def prepared(
    target: Target, kind: type[Workload] = Transfers, accounts: int = ACCOUNTS, each: int | None = None
) -> Workload:
    """A workload with everything on the chain that it needs, and the target warm."""
    [payer] = senders(1)
    node = RpcClient(f"http://{HOST}:{target.port}")
    workload = kind(Payer(node, payer.key), derived(payer.key, accounts))
    workload.prepare(each)
    checked(target, send(endpoint(target), workload.groups(4), Shape(count=WARM_UP), watch=False))
    return workload


def flood(
    target: Target, workload: Workload, connections: int, shape: Shape, *, watch: bool = True
) -> Outcome:
    """A load as fast as the target takes it, or at a rate, until everything is included."""
    return checked(target, send(endpoint(target), workload.groups(connections), shape, watch=watch))


def probe(target: Target, workload: Workload, shape: Shape, behind: Load | None = None) -> Outcome:
    """Transactions one at a time, each answered with its receipt."""
    groups = workload.groups(1, target.sync_method)
    return checked(target, send(endpoint(target), groups, shape, watch=False, behind=behind))


def checked(target: Target, outcome: Outcome) -> Outcome:
    """The outcome, if it says something about the target."""
    if not outcome.clean:
        raise LoadError(
            f"{target.name}: of {outcome.calls:,} transactions {outcome.refused:,} were refused and "
            f"{outcome.missing:,} not included {outcome.errors or ''}"
        )
    if outcome.limit == "generator":
        raise LoadError(f"the load generator was the limit on {target.name}")
    return outcome
