"""A prover: hears of blocks, checks them statelessly, attests. Holds no chain and no state.

| thread       | owns                                                                                    |
|--------------|-----------------------------------------------------------------------------------------|
| main         | the event loop: peers and gossip, `/healthz`, signals                                    |
| `prover-N`   | one block at a time: fetching, checking, signing (`proving/prover.py`)                   |

It answers HTTP too (health, incidents, faults on request), with nothing behind it that knows the chain.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any, Final

from devnet.errors import UnavailableError
from devnet.proving.attestation import Attestation, InvalidAttestationError
from devnet.proving.job_queue import Source
from devnet.proving.kept import REPRODUCTIONS, KeptFiles
from devnet.proving.prover import Prover, Signer
from devnet.proving.reports import FaultReport, InvalidReportError
from devnet.role_config import NetworkPlace, RoleConfig, run_role, write_ready_file
from devnet.roles.announcements import Announcement
from devnet.roles.chain import DRAIN_S, bind_rpc, server_settings
from devnet.roles.faults import ProverFaults
from devnet.roles.network_service import (
    bounds_of,
    credentials_of,
    endpoint_text,
    endpoints_of,
    incidents_of,
    local_of,
    sync_settings,
)
from devnet.roles.node_methods import DevnetNamespace
from devnet.roles.process import Failure, serve_role
from devnet.rpc.client import NodeClient, NodeSilentError
from devnet.rpc.errors import RpcFault
from devnet.rpc.server import RpcServer, tune_interpreter
from devnet.storage import Identity
from devnet.sync import NEWCOMER, Credentials, Kind, SyncNode, fetch_genesis
from devnet.threads import start_timer

log = logging.getLogger(__name__)

WORKERS_S: Final = 0.8
"""For blocks in work when the stop begins."""
RULES_AGAIN_S: Final = 0.25
"""Between two questions for the chain's rules, while the sequencer is away."""


def serve(role: RoleConfig) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    serve_role(role, _serve)


async def _serve(role: RoleConfig, failure: Failure) -> None:
    if role.network is None:
        raise UnavailableError("a prover needs a network", "its configuration names none")
    genesis_hash = await failure.interruptible(_genesis_hash(role, role.network))
    rules = await failure.interruptible(_rules(role, role.network))
    credentials = await credentials_of(role.network)
    await ProverNode(role, role.network, credentials, genesis_hash, rules, failure).run()


async def _genesis_hash(role: RoleConfig, place: NetworkPlace) -> bytes:
    settings = sync_settings(place, role.config)
    found = await fetch_genesis(
        local_of(role, NEWCOMER), await credentials_of(place), endpoints_of(place), settings
    )
    Identity.decode(found.identity, Path(role.data_dir))
    return found.genesis_hash


async def _rules(role: RoleConfig, place: NetworkPlace) -> dict[str, Any]:
    """The chain's rules, as far as replay depends on them: the sequencer's, as long as they are those configured."""
    chain = role.config.chain
    own = {"chainId": chain.chain_id, "spec": chain.spec}
    try:
        told = await _ask_rules(place.sequencer)
    except RpcFault as error:
        log.warning("the sequencer does not tell the chain's rules (%s): taking those of the settings", error)
        return own
    unlike = any(told.get(name) != value for name, value in own.items())
    # An older chain may know none though the settings allow them, but not the other way round.
    if unlike or (told.get("interventions") and not chain.interventions):
        raise UnavailableError("the sequencer's rules are not this devnet's", f"{told} instead of {own}")
    return told


async def _ask_rules(sequencer: str) -> dict[str, Any]:
    """As soon as the sequencer answers: who went by other rules would refute every block. RpcFault: it knows none."""
    client = NodeClient(sequencer)
    is_waiting = False
    try:
        while True:
            try:
                told: dict[str, Any] = await client.call("mega_getChainRules")
            except NodeSilentError as error:
                if not is_waiting:
                    log.warning("waiting for the sequencer to tell the chain's rules: %s", error)
                is_waiting = True
                await asyncio.sleep(RULES_AGAIN_S)
            else:
                return told
    finally:
        client.close()


class ProverNode:
    """The parts of a running prover."""

    def __init__(
        self,
        role: RoleConfig,
        place: NetworkPlace,
        credentials: Credentials,
        genesis_hash: bytes,
        rules: dict[str, Any],
        failure: Failure,
    ) -> None:
        config = role.config
        self._role = role
        self._failure = failure
        self._authority = bytes.fromhex(place.authority[2:])
        self._chain_id = config.chain.chain_id
        self._loop = asyncio.get_running_loop()
        self._incidents = incidents_of(role)
        self._reproductions = KeptFiles(Path(role.data_dir) / REPRODUCTIONS, bounds_of(config))
        self._server = RpcServer(None, server_settings(config, []), self._health)
        self._sync = SyncNode(
            local_of(role, genesis_hash), credentials, sync_settings(place, config), on_failure=failure
        )
        self._faults = ProverFaults()
        self._prover = Prover(
            Signer(
                role.node,
                bytes.fromhex(place.prover_key),
                bytes.fromhex(place.prover_voucher),
                self._chain_id,
            ),
            rules,
            self._incidents,
            self._reproductions,
            config.network.prover_workers,
            self._publish,
            lambda report: self._sync.gossip.publish(Kind.FAULT, report.encode()),
            failure,
            self._faults.spoil,
        )
        self._rollbacks = 0
        """How often the chain was rolled back, as far as announced."""
        self._heights = (0, 0)
        """The newest announced block, and the newest verified height that somebody announced."""

    async def run(self) -> None:
        """Until it is told to stop."""
        self._server.serve(
            DevnetNamespace(self._role.token, self._incidents, self._faults.inject, self._reproductions)
        )
        gossip = self._sync.gossip
        gossip.on(Kind.LOG_DIGEST, self._announced)
        gossip.on(Kind.ATTESTATION, self._heard_attestation)
        gossip.on(Kind.FAULT, self._heard_fault)
        await self._server.start((await bind_rpc(self._role)).own)
        await self._sync.start()
        self._prover.start()
        endpoints = {"http": self._server.http_url, "sync": endpoint_text(self._sync.endpoint)}
        write_ready_file(self._role, endpoints, self._server.port)
        tune_interpreter()
        await self._failure.stopping.wait()
        began = time.monotonic()
        await self._server.stop(DRAIN_S)
        await self._loop.run_in_executor(None, self._prover.stop, WORKERS_S)
        await self._sync.stop()
        log.info("stopped in %.2f s", time.monotonic() - began)

    # --- news ---------------------------------------------------------------------------------------------

    def _announced(self, payload: bytes, from_node: str) -> bool:
        try:
            news = Announcement.decode(payload)
        except ValueError:
            return False
        if news.rollbacks > self._rollbacks:
            self._rollbacks, self._heights = news.rollbacks, (0, 0)
        if news.rollbacks == self._rollbacks:
            self._heights = (max(self._heights[0], news.block), max(self._heights[1], news.verified))
        if news.http:
            source = Source(news.node, news.http)
            self._prover.offer(news.block, news.hash, source, news.verified, news.rollbacks)
        return True

    def _heard_attestation(self, payload: bytes, from_node: str) -> bool:
        """Others' words are passed on, if they are a prover's."""
        try:
            Attestation.decode(payload, self._chain_id, self._authority)
        except InvalidAttestationError:
            return False
        return True

    def _heard_fault(self, payload: bytes, from_node: str) -> bool:
        try:
            FaultReport.decode(payload, self._chain_id, self._authority)
        except InvalidReportError:
            return False
        return True

    def _publish(self, attestation: Attestation) -> None:
        """A worker has attested."""
        payload = attestation.encode()
        late_s = self._faults.delay(attestation.block)
        if late_s:
            start_timer(
                late_s,
                lambda: self._sync.gossip.publish(Kind.ATTESTATION, payload),
                "late-attestation",
                self._failure,
            )
        else:
            self._sync.gossip.publish(Kind.ATTESTATION, payload)

    # --- status -------------------------------------------------------------------------------------------

    def _health(self) -> dict[str, Any]:
        status = self._sync.status()
        proving = self._prover.status()
        return {
            "ready": True,
            "status": "ok",
            "node": self._role.node,
            "role": self._role.role,
            "height": proving["newest"],
            "verified_height": max(self._heights[1], 0),
            "lag_ms": self._prover.lag_ms(),
            "peers": len({peer.node for peer in status.peers}),
            "bytes_in": status.bytes_in,
            "bytes_out": status.bytes_out,
            "incidents": len(self._incidents),
            "proving": proving,
        }


if __name__ == "__main__":
    run_role(serve)
