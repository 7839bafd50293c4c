"""The product's load generator (`megaeth_cli.load`, what `megaeth bench` runs) on a target.

What was refused or lost voids a measurement of ours: it would say nothing. A peer that stops including is measured by
what it did include. A rate that the generator limited is a bound: the target can do at least that; so are times that
were taken while it was late itself.
"""

from __future__ import annotations

from bench.accounts import senders
from bench.results import Bounded, Side
from bench.targets import ACCOUNTS, HOST, LogSink
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.load.funder import Funder
from megaeth_cli.load.outcome import Outcome
from megaeth_cli.load.run import Load, Shape, send
from megaeth_cli.load.senders import derived
from megaeth_cli.load.wire import Endpoint, LoadError
from megaeth_cli.load.workloads import Transfers, Workload

WARM_UP = 400


def endpoint(target: LogSink) -> Endpoint:
    """Where a target answers."""
    return Endpoint(HOST, target.port)


def prepared(
    target: LogSink, kind: type[Workload] = Transfers, accounts: int = ACCOUNTS, each: int | None = None
) -> Workload:
    """A workload with everything on the chain that it needs, and the target warm."""
    [funder] = senders(1)
    node = RpcClient(f"http://{HOST}:{target.port}")
    workload = kind(Funder(node, funder.key), derived(funder.key, accounts))
    workload.prepare(each)
    warm = send(endpoint(target), workload.groups(4), Shape(count=WARM_UP), watch=False)
    if not warm.clean:
        raise _nothing(target, warm)
    return workload


def flood(
    target: LogSink, workload: Workload, connections: int, shape: Shape, *, watch: bool = True
) -> Outcome:
    """A load as fast as the target takes it, or at a rate, until everything is included or nothing more comes in."""
    return checked(target, send(endpoint(target), workload.groups(connections), shape, watch=watch))


def probe(target: LogSink, workload: Workload, shape: Shape, behind: Load | None = None) -> Outcome:
    """Transactions one at a time, each answered with its receipt."""
    groups = workload.groups(1, target.sync_method)
    return checked(target, send(endpoint(target), groups, shape, watch=False, behind=behind))


def latency(outcome: Outcome) -> tuple[Bounded, Bounded]:
    """Median and 99th percentile from sending to the answer; of a generator that was late itself, at most that."""
    found = outcome.acknowledged
    assert found is not None
    side: Side = "at most" if outcome.limit == "generator" else "exactly"
    return Bounded(found.p50, side), Bounded(found.p99, side)


def rate(outcome: Outcome) -> Bounded:
    """Included per second, or answered where nothing is included; of a busy generator, at least that."""
    per_second = outcome.included_per_second
    value = outcome.per_second if per_second is None else per_second
    return Bounded(value, "at least" if outcome.limit == "generator" else "exactly")


def checked(target: LogSink, outcome: Outcome) -> Outcome:
    """The outcome, if it says something about the target."""
    included = outcome.calls - outcome.refused - outcome.missing
    if outcome.clean or (target.may_stop and not outcome.refused and included > 0):
        return outcome
    raise _nothing(target, outcome)


def _nothing(target: LogSink, outcome: Outcome) -> LoadError:
    return LoadError(
        f"{target.name}: of {outcome.calls:,} transactions {outcome.refused:,} were refused and "
        f"{outcome.missing:,} not included {outcome.errors or ''}"
    )
