"""Injects a fault into a running devnet, and waits for those who should notice it.

Nodes know how to fail (`devnet.roles.faults`) and how to notice; this only brings both together: it asks the right
node, gives it something to do it to, and reads the others' incidents.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from devnet.errors import UserError
from devnet.session import NodeSession, Role, Session
from devnet.threads import start_thread
from devnet.timestamps import timestamp
from megaeth_cli.chain.rpc_client import RpcClient, RpcError
from megaeth_cli.errors import CliError
from megaeth_cli.faults.kinds import Fault
from megaeth_cli.select_devnet import of_devnet

INJECT_S = 40.0
POLL_S = 0.1
AFTERMATH_S = 1.0
"""Who notices a little later is told of too."""
NUDGE_S = 0.5
TRANSFER_GAS = "0x186a0"


@dataclass(frozen=True)
class FaultPlan:
    """Who injects a fault, who should notice it, and who has to be there for that."""

    injectors: tuple[Role, ...]
    """Those that can, the most apt first."""
    detectors: tuple[Role, ...]
    needs: tuple[Role, ...]
    wants_transaction: bool = False


PLANS = {
    Fault.BAD_DIFF: FaultPlan(
        (Role.SEQUENCER,), (Role.FULL_NODE, Role.PROVER), (Role.FULL_NODE, Role.PROVER), True
    ),
    Fault.BAD_ROOT: FaultPlan(
        (Role.SEQUENCER,), (Role.PROVER, Role.FULL_NODE), (Role.FULL_NODE, Role.PROVER)
    ),
    Fault.BAD_RECEIPT: FaultPlan(
        (Role.SEQUENCER,), (Role.PROVER, Role.FULL_NODE), (Role.FULL_NODE, Role.PROVER), True
    ),
    Fault.EQUIVOCATION: FaultPlan((Role.SEQUENCER,), (Role.FULL_NODE,), (Role.FULL_NODE,), True),
    Fault.BAD_WITNESS: FaultPlan((Role.PROVER, Role.FULL_NODE), (Role.PROVER, Role.FULL_NODE), ()),
    Fault.LATE_PROOF: FaultPlan((Role.PROVER,), (Role.FULL_NODE, Role.SEQUENCER), (Role.PROVER,)),
}


@dataclass(frozen=True)
class Outcome:
    """What came of a fault."""

    kind: str
    played_by: str
    played_on: dict[str, Any]
    """`block`, `mini_block`."""
    played_at: float
    incidents: tuple[dict[str, Any], ...]
    """Those that it caused, in the order of their time; empty when nobody noticed."""

    @property
    def detection(self) -> dict[str, Any] | None:
        """The first of them by a role that should notice."""
        wanted = PLANS[Fault(self.kind)].detectors
        return next((incident for incident in self.incidents if incident["role"] in wanted), None)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        detection = self.detection or {}
        return {
            "kind": self.kind,
            "played_by": self.played_by,
            **self.played_on,
            "detected": self.detection is not None,
            "detected_by": detection.get("detected_by"),
            "role": detection.get("role"),
            "at": detection.get("at"),
            "what": detection.get("what"),
            "evidence": detection.get("evidence"),
            "incidents": list(self.incidents),
        }


@dataclass
class _Injection:
    """The injector's answer, which comes when it has happened."""

    where: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None
    at: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def fail(self, error: BaseException) -> None:
        """It did not happen."""
        self.error = error
        self.over.set()


def inject(session: Session, fault: Fault, injector: str | None, patience_s: float) -> Outcome:
    """Inject a fault and wait until it is noticed, or the patience is over."""
    plan = PLANS[fault]
    _require(session, fault, plan)
    node = _injector(session, plan, injector)
    since = timestamp()
    injection = _Injection()
    start_thread(lambda: _have_injected(session, node, fault, injection), "injector", injection.fail)
    while not injection.over.wait(NUDGE_S if plan.wants_transaction else INJECT_S + 5):
        _nudge(session)
    if injection.error is not None:
        raise injection.error
    incidents = _await_incidents(session, plan, since, injection.where["block"], patience_s)
    return Outcome(str(fault), node.name, injection.where, injection.at, tuple(incidents))


@dataclass(frozen=True)
class Noticed:
    """What a node has noticed."""

    node: str
    incidents: tuple[dict[str, Any], ...] = ()
    """Those that it keeps."""
    dropped: int = 0
    """Incidents that it keeps no longer."""
    dropped_reproductions: int = 0
    """Reproductions of failed checks that it keeps no longer."""


def noticed_by(session: Session, node: NodeSession, since: str = "") -> Noticed:
    """What a node has kept of what went wrong since then; nothing when it does not answer."""
    try:
        with _client(node) as client:
            told = client.call("devnet_incidents", session.token, since)
    except UserError:
        return Noticed(node.name)
    return Noticed(node.name, tuple(told["incidents"]), told["dropped"], told["droppedReproductions"])


def _have_injected(session: Session, node: NodeSession, fault: Fault, injection: _Injection) -> None:
    with RpcClient(node.endpoints["http"], INJECT_S + 10) as client:
        injection.where = client.call("devnet_inject", session.token, str(fault), {"timeout_s": INJECT_S})
    injection.at = time.time()
    injection.over.set()


def _nudge(session: Session) -> None:
    """A transaction, for the fault to be played on."""
    sequencer = next(node for node in session.nodes if node.role is Role.SEQUENCER)
    with _client(sequencer) as client:
        accounts = client.call("eth_accounts")
        if not accounts:
            return
        transfer = {"from": accounts[0], "to": accounts[0], "value": "0x1", "gas": TRANSFER_GAS}
        try:
            client.call("eth_sendTransaction", transfer)
        except RpcError as error:
            raise CliError("no transaction could be sent to play on", error.message) from error


def _await_incidents(
    session: Session, plan: FaultPlan, since: str, block: int, patience_s: float
) -> list[dict[str, Any]]:
    deadline = time.monotonic() + patience_s
    end = None
    # By their files: who has noticed may begin anew because of it, and not answer for a while.
    known: dict[str, dict[str, Any]] = {}
    while True:
        known.update((str(incident["evidence"]), incident) for incident in _caused(session, since, block))
        found = sorted(known.values(), key=lambda incident: str(incident["at"]))
        now = time.monotonic()
        if end is None and any(incident["role"] in plan.detectors for incident in found):
            end = now + AFTERMATH_S
        if now > (end if end is not None else deadline):
            return found
        time.sleep(POLL_S)


def _caused(session: Session, since: str, block: int) -> Iterator[dict[str, Any]]:
    """Incidents since then, about that block or what was built on it."""
    for node in session.nodes:
        if "http" in node.endpoints and node.state != "stopped":
            yield from (
                incident
                for incident in noticed_by(session, node, since).incidents
                if incident["block"] >= block
            )


def _require(session: Session, fault: Fault, plan: FaultPlan) -> None:
    there = {node.role for node in session.nodes if node.state == "running"}
    for role in (*plan.needs, *(plan.injectors[:1] if there.isdisjoint(plan.injectors) else ())):
        if role not in there:
            name = role.hyphenated
            raise CliError(
                f"nobody would notice '{fault}'",
                f"that takes a {name.replace('-', ' ')}, and this devnet runs none",
                of_devnet(f"megaeth devnet add {name}", session.name),
            )


def _injector(session: Session, plan: FaultPlan, wanted: str | None) -> NodeSession:
    able = [
        node
        for role in plan.injectors
        for node in session.nodes
        if node.role == role and node.state == "running"
    ]
    chosen = [node for node in able if wanted in (None, node.name)]
    if not chosen:
        known = ", ".join(node.name for node in able) or "none runs"
        raise CliError(f"{wanted or plan.injectors[0]} cannot play that", f"who can: {known}")
    return chosen[0]


def _client(node: NodeSession) -> RpcClient:
    return RpcClient(node.endpoints["http"])
