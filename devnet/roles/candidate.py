"""The process of a node that may lead: the sequencer of a chain with standbys, and each standby.

Who of them leads is for the lease to say (`succession/candidate.py`). A node that comes back while another one leads
first gives up what that one does not have (`give_up_beyond`): nobody may see it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from devnet._engine import Engine
from devnet.errors import UnavailableError
from devnet.role_config import NetworkPlace, RoleConfig
from devnet.roles.assembly import assemble
from devnet.roles.chain import bind_rpc, open_store, restore_engine
from devnet.roles.full_node import open_from_peers
from devnet.roles.process import Failure
from devnet.roles.rollback import Rollbacks, give_up_beyond
from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.storage import Store
from devnet.succession.candidate import Candidate
from devnet.succession.control_lease import ControlLease
from devnet.succession.in_sync import Candidates
from devnet.succession.lease import Lease, LeaseState, LeaseUnavailable
from devnet.sync.chain_rollback import ChainRollback
from devnet.tasks import Tasks

log = logging.getLogger(__name__)

DECIDED_S: Final = 3.0
"""A node that neither leads nor follows by then is ready all the same: nobody may be there to follow."""
VALUE_S: Final = 2.0
"""For who was given the lease just now to say that it leads."""
LOOK_S: Final = 0.05
AT_ONCE: Final = 500
"""Transactions in one request to the new leader."""

OpenNew = Callable[[Store], Engine]
"""The engine of a chain that begins here, or goes on."""


def lease_of(role: RoleConfig, place: NetworkPlace) -> Lease:
    """Who says who may lead."""
    try:
        return ControlLease.of(place.lease, role.token, role.node)
    except ValueError as error:
        raise UnavailableError("this node can't be told whether it may lead", str(error)) from None


async def serve_candidate(role: RoleConfig, failure: Failure, open_new: OpenNew | None = None) -> None:
    """Runs until it is told to stop. `open_new`: of who may begin a chain."""
    place = role.network
    if place is None:
        raise UnavailableError("a candidate needs a network", "its configuration names none")
    sockets = await bind_rpc(role)
    lease = lease_of(role, place)
    rollbacks = Rollbacks(Path(role.data_dir))
    with open_store(role) as store:
        given_up = rollbacks.carry_out(store)
        value = await failure.interruptible(_value_of_another(lease, role.node))
        if value:
            give_up_beyond(ChainRollback.decode(value), store)
        if open_new is not None and (store.identity is not None or not value):
            engine = open_new(store)
            await asyncio.to_thread(restore_engine, store, engine)
        else:
            engine, _ = await failure.interruptible(open_from_peers(role, place, store, failure))
        node = assemble(role, store, engine, failure, rollbacks, given_up)
        await node.start(sockets)
        network = role.config.network
        is_strict = network.durable_on is not None
        candidates = Candidates(role.node, place.candidates, network.disks, is_strict)
        candidate = Candidate(candidates, lease, node, send_all)
        node.is_candidate(candidate.stored, candidate.promote)
        tasks = Tasks(failure)
        tasks.spawn(candidate.run(), "candidate")
        await failure.interruptible(_until_decided(candidate))
        await node.serve()
        await tasks.cancel()
        await node.close()


async def _until_decided(candidate: Candidate) -> None:
    try:
        async with asyncio.timeout(DECIDED_S):
            await candidate.decided.wait()
    except TimeoutError:
        log.warning("neither leads nor follows yet: nobody else leads, and the lease is not this node's")


async def _value_of_another(lease: Lease, node: str) -> bytes:
    """The leadership of somebody else who holds the lease; empty if nobody does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + VALUE_S
    while True:
        try:
            state = await lease.watch(-1)
        except LeaseUnavailable as error:
            log.warning("waiting for who gives out the lease: %s", error)
        else:
            if _is_settled(state, node) or loop.time() > deadline:
                return state.value if state.holder != node else b""
        await asyncio.sleep(LOOK_S)


def _is_settled(state: LeaseState, node: str) -> bool:
    return state.is_free or not state.holder or state.holder == node or bool(state.value)


async def send_all(url: str, transactions: list[bytes]) -> None:
    """Gives raw transactions to who answers JSON-RPC there. What it refuses it has, or nobody can take."""
    client = NodeClient(url)
    try:
        for begin in range(0, len(transactions), AT_ONCE):
            await client.post(orjson.dumps([_request(raw) for raw in transactions[begin : begin + AT_ONCE]]))
    except NodeSilentError as error:
        log.warning("of %d transactions that waited here some may be lost: %s", len(transactions), error)
    finally:
        client.close()


def _request(raw: bytes) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x" + raw.hex()]}
