"""The JSON-RPC server as a whole: puts the parts together, listens, sweeps, stops.

Threads: the event loop's, on which nearly everything happens, and a few `rpc-worker`s for engine calls of
composed methods.

Not here: the engine's life (`devnet/roles/`), and any knowledge of methods.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import uvloop

from devnet.descriptors import share_out
from devnet.rpc.access import AccessPolicy
from devnet.rpc.accounts import DevAccounts
from devnet.rpc.backend import Backend
from devnet.rpc.call_after import CallAfterNamespace
from devnet.rpc.context import ServerContext
from devnet.rpc.dispatch import Dispatcher
from devnet.rpc.engine_bridge import Call, EngineBridge
from devnet.rpc.engine_rpc import ChainRpc, EngineRpc, NoEngine
from devnet.rpc.eth import EthNamespace
from devnet.rpc.gateway import rules
from devnet.rpc.gateway.bridge import GatewayBridge
from devnet.rpc.gateway.rules import Gateway
from devnet.rpc.http import HttpConnection
from devnet.rpc.impersonation import ImpersonationNamespace
from devnet.rpc.interventions import InterventionNamespace, Interventions
from devnet.rpc.leader import Leader
from devnet.rpc.listener import Listener, bind
from devnet.rpc.methods import ENGINE, Line, Method, bound
from devnet.rpc.metrics import Metrics
from devnet.rpc.mine_detailed import MineDetailedNamespace
from devnet.rpc.net import NetNamespace
from devnet.rpc.polled_filters import FilterNamespace
from devnet.rpc.routes import Health, Routes
from devnet.rpc.rpc_modules import RpcNamespace
from devnet.rpc.settings import ServerSettings
from devnet.rpc.subscriptions import Hub
from devnet.rpc.sync_status import sync_status
from devnet.rpc.tools import ToolNamespace
from devnet.rpc.web3 import Web3Namespace

if TYPE_CHECKING:
    from devnet._engine import Rewind

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S: Final = 0.0005
GC_THRESHOLDS: Final = (50_000, 20, 100)


class RpcServer:
    """Answers JSON-RPC for one engine on one port."""

    def __init__(self, chain: ChainRpc | None, settings: ServerSettings, health: Health) -> None:
        """`chain`: None for a node without one, which tells of itself only (`net_`, `web3_`, `rpc_`, and what is
        added)."""
        self._settings = settings
        self._accounts = DevAccounts(settings.accounts)
        engine: EngineRpc = chain if chain is not None else NoEngine()
        self._syncing = sync_status(health)
        self._backend = Backend(engine, settings.worker_threads)
        limits = settings.max_subscriptions, settings.max_filter_bytes
        self.leader = Leader()
        self._hub = Hub(chain, self._syncing, self.leader, *limits) if chain is not None else None
        self._eth: EthNamespace | None = None
        self._filters = (
            FilterNamespace(chain, self._backend, self.leader, settings.max_filters)
            if chain is not None
            else None
        )
        self.routes = Routes(settings.client_version, settings.chain_id, health)
        engine_methods = engine.methods()
        bridge = EngineBridge(
            engine,
            route=lambda body, call: dispatcher.answer(body, call),
            answered=self._hub.on_pending if self._hub is not None else lambda: None,
            answer_timeout_s=settings.answer_timeout_s,
        )
        self.methods: dict[str, Method] = {}
        """Those that Python answers. What the engine answers, too, is answered here all the same."""
        self._serve_own(engine_methods)
        dispatcher = Dispatcher(self.methods, engine_methods, bridge.ask, settings, self.leader)
        access = AccessPolicy(settings.host, settings.allow_hosts, settings.allow_origins)
        self._bridge = bridge
        self._context = ServerContext(settings, access, bridge, self.routes)
        metrics = Metrics(
            chain,
            {
                "rpc_connections": lambda: len(self._context.connections),
                "rpc_in_work": lambda: bridge.in_work,
                "rpc_subscriptions": lambda: self._hub.count if self._hub is not None else 0,
                "rpc_filters": lambda: self._filters.count if self._filters is not None else 0,
            },
        )
        self.routes.add("/metrics", metrics.prometheus)
        self.routes.add("/metrics.json", metrics.json)
        self._shares = share_out(settings.max_connections)
        self._listener = self._listener_for(self._context)
        self._gateway: GatewayBridge | None = None
        if settings.gateway is not Gateway.OFF and self._hub is not None:
            self._gateway = GatewayBridge(
                *(settings.gateway, bridge, dispatcher.answer_one), self._hub.on_pending, self._hub.count_of
            )
            self._gateway_context = self._before(self._gateway)
            self._gateway_listener = self._listener_for(self._gateway_context)
        self._sweeper: asyncio.TimerHandle | None = None

    def _before(self, gateway: GatewayBridge) -> ServerContext:
        """What connections of the gateway's address share, with each other and with the node's."""
        settings = replace(
            self._settings,
            max_body_bytes=rules.MAX_TRANSACTION_BYTES,
            max_message_bytes=rules.MAX_MESSAGE_BYTES,
        )
        return replace(self._context, settings=settings, bridge=gateway)

    def _listener_for(self, context: ServerContext) -> Listener:
        return Listener(
            lambda: HttpConnection(context), lambda: len(context.connections), self._shares.connections
        )

    def _serve_own(self, engine_methods: list[str]) -> None:
        settings = self._settings
        self.serve(NetNamespace(settings.chain_id), Web3Namespace(settings.client_version))
        if self._hub is not None and self._filters is not None:
            interventions = Interventions(self._backend, settings.interventions, settings.gas_limit)
            impersonation = ImpersonationNamespace(interventions, self._backend, settings.chain_id)
            self._eth = EthNamespace(
                *(self._backend, self._accounts, impersonation, self.leader, self._syncing),
                self._submit,
                settings.chain_id,
                settings.coinbase,
            )
            setters = InterventionNamespace(interventions, self._backend)
            tools = ToolNamespace(self._backend, settings)
            self.serve(self._eth, self._hub, self._filters, setters, impersonation, tools)
            self.serve(CallAfterNamespace(self._backend), MineDetailedNamespace(self._backend))
        names = [*engine_methods, *self.methods]
        self.serve(RpcNamespace(names, partial(self._lines, engine_methods), settings.client_version))

    async def _submit(self, method: str, parameter: str) -> object:
        return await self._bridge.call(method, parameter)

    def _lines(self, engine_methods: list[str]) -> list[Line]:
        """The lines of everything that is answered now."""
        known = {name: ENGINE[name] for name in engine_methods if name in ENGINE}
        return list((known | {name: served.line for name, served in self.methods.items()}).values())

    def serve(self, *namespaces: object) -> None:
        """Answer the methods of further namespaces."""
        for namespace in namespaces:
            self.add(bound(namespace))

    def add(self, methods: Mapping[str, Method]) -> None:
        """Answer further methods, or these instead of the engine."""
        self.methods.update(methods)

    def remove(self, methods: Iterable[str]) -> None:
        """Answer these no more."""
        for method in methods:
            del self.methods[method]

    @property
    def settings(self) -> ServerSettings:
        """Where it listens, who may speak to it, what is accepted."""
        return self._settings

    @property
    def hub(self) -> Hub:
        """Who has subscribed to the chain. Only with one."""
        assert self._hub is not None
        return self._hub

    def require_sendable(self, transaction: object) -> None:
        """Raises `RpcFault` if `send` would refuse it at any state. Only with a chain."""
        assert self._eth is not None
        self._eth.require_sendable(transaction)

    async def send(self, transaction: object, call: Call) -> None:
        """Take a transaction, raw or for a development account. Only with a chain. Raises `RpcFault` or `RpcError`."""
        assert self._eth is not None
        await self._eth.send(transaction, call)

    async def empty_pool(self) -> None:
        """Drop what waits there."""
        await self._backend.call("anvil_dropAllTransactions")

    def rewinding(self, plan: Rewind) -> None:
        """The chain is about to be rolled back: what goes can still be read. Only with a chain."""
        assert self._filters is not None
        self.hub.rewinding(plan)
        self._filters.rewinding(plan)

    def rewound(self, plan: Rewind) -> None:
        """It was."""
        assert self._filters is not None
        assert self._eth is not None
        self.hub.rewound(plan)
        self._filters.rewound()
        self._eth.rewound()

    @property
    def port(self) -> int:
        """The port, also when 0 was asked for. Only while listening."""
        return self._listener.port

    @property
    def http_url(self) -> str:
        """Where HTTP is answered."""
        return f"http://{_in_url(self._settings.host)}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where WebSockets are answered."""
        return f"ws://{_in_url(self._settings.host)}:{self.port}"

    @property
    def gateway_port(self) -> int:
        """Likewise, of the gateway. Only with one."""
        return self._gateway_listener.port

    @property
    def gateway_endpoints(self) -> dict[str, str]:
        """Where the gateway answers, by the names that a session has for it; none without one."""
        if self._gateway is None:
            return {}
        address = f"{_in_url(self._settings.host)}:{self.gateway_port}"
        return {"gateway": f"http://{address}", "gateway ws": f"ws://{address}"}

    async def start(
        self,
        sockets: list[socket.socket] | None = None,
        gateway_sockets: list[socket.socket] | None = None,
    ) -> None:
        """Serve who comes to these sockets. Without any the settings' addresses are bound; raises `OSError` then."""
        if self._shares.connections < self._settings.max_connections:
            log.warning(
                "%d connections at a time, not %d: this process may have %d files and sockets open (ulimit -n)",
                self._shares.connections,
                self._settings.max_connections,
                self._shares.limit,
            )
        self._listener.serve(sockets or await bind(self._settings.host, self._settings.port))
        if self._gateway is not None:
            host, port = self._settings.host, self._settings.gateway_port
            self._gateway_listener.serve(gateway_sockets or await bind(host, port))
        self._bridge.start()
        if self._hub is not None:
            self._hub.start()
        self._sweep_again()
        log.info("JSON-RPC on %s", self.http_url)

    async def stop(self, grace_s: float = 1.0) -> None:
        """Take no more connections, answer what is in work, say goodbye. Then the engine may stop."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._listener.close()
        if self._gateway is not None:
            self._gateway_listener.close()
        await self._bridge.drain(grace_s)
        if self._gateway is not None:
            await self._gateway.drain(grace_s)
        for connection in list(self._context.connections):
            connection.shut()
        deadline = asyncio.get_running_loop().time() + grace_s
        while self._context.connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(self._context.connections):
            connection.drop()
        self._bridge.stop()
        self._backend.close()
        self._accounts.close()

    def sweep(self, now: float) -> None:
        """Keep the coarse clock, and look at every connection's."""
        self._context.now = now
        self._bridge.sweep(now)
        if self._gateway is not None:
            self._gateway_context.now = now
            self._gateway.sweep(now)
        if self._filters is not None:
            self._filters.sweep(now)
        if refused := self._listener.take_refused():
            log.warning("refused %d connections: %d are open", refused, len(self._context.connections))
        for connection in list(self._context.connections):
            connection.sweep(now)

    def _sweep_again(self) -> None:
        """Sweep about once a second."""
        loop = asyncio.get_running_loop()
        self.sweep(loop.time())
        self._sweeper = loop.call_later(self._settings.sweep_s, self._sweep_again)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make the event loop that the server is measured on."""
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    loop.set_exception_handler(_heard)
    return loop


def _heard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """uvloop leaves the future of a TLS handshake that was given up to nobody: whoever began it knows already."""
    if isinstance(context.get("exception"), ConnectionError) and isinstance(
        context.get("future"), asyncio.Future
    ):
        log.debug("%s: %r", context["message"], context["exception"])
    else:
        loop.default_exception_handler(context)


def tune_interpreter() -> None:
    """Set the interpreter up for a server whose engine has threads of its own. Call when all is imported.

    Objects alive now are never looked at by the garbage collector again, and the young are looked at
    seldom, as requests leave no cycles. A thread that has news from the engine waits for the GIL half a
    millisecond at most.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
