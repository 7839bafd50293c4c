"""What can be set about the JSON-RPC server: one frozen object, valid once built.

Not here: where the values come from (`devnet/config.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from devnet._engine import __version__
from devnet.rpc.gateway.rules import Gateway

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ForkedFrom:
    """What the chain was forked from."""

    url: str
    """Without what may be secret."""
    chain_id: int
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens, who may speak to it, and how much it accepts from one client."""

    host: str = "127.0.0.1"
    port: int = 8545
    """0 takes a free port; `RpcServer.port` tells which."""

    client_version: str = f"megaeth-devnet/v{__version__}"
    chain_id: int = 6343
    interventions: bool = False
    """Whether the chain's rules know them."""
    fork: ForkedFrom | None = None
    gas_limit: int = 10_000_000_000
    """A block's."""
    order: str = "priority"
    """Which waiting transaction goes first."""
    coinbase: str = "0x4200000000000000000000000000000000000011"
    accounts: Mapping[str, bytes] = field(default_factory=dict)
    """Development accounts that the node signs for: address -> private key."""

    allow_origins: tuple[str, ...] = ()
    """Web origins that may call besides loopback ones; `*` allows every page of every site."""
    allow_hosts: tuple[str, ...] = ()
    """Host names that may stand in a request besides loopback names and plain addresses."""

    gateway: Gateway = Gateway.OFF
    """Which public endpoint is played on an address of its own beside this one."""
    gateway_port: int = 0
    """Its port, on the same host; 0 takes a free one."""

    max_body_bytes: int = 10 * MIB
    max_message_bytes: int = 10 * MIB
    """Of a WebSocket."""
    max_head_bytes: int = 64 * 1024
    max_batch: int = 1_000
    max_answer_bytes: int = 64 * MIB
    """Of one body, whoever answers it."""
    max_connections: int = 1_024
    max_pipelined: int = 256
    """Requests of one connection in work at a time; beyond it the socket is not read."""
    max_subscriptions: int = 1_000
    """Of one WebSocket connection."""
    max_filter_bytes: int = 256 * 1024
    """Of the filters of one WebSocket connection: about 5,000 addresses."""
    max_filters: int = 1_000
    """That clients poll, of all of them together."""
    max_outgoing_bytes: int = 16 * MIB
    """Unread notifications of one WebSocket before its client counts as too slow."""

    request_timeout_s: float = 30.0
    """From the first byte of a request to its last."""
    answer_timeout_s: float = 600.0
    """From a request to its answer; then the answer is an error. Longer than anything the engine takes for one."""
    keep_alive_s: float = 300.0
    """For an HTTP connection without a request."""
    write_timeout_s: float = 60.0
    """For a client that does not read its responses."""
    ping_interval_s: float = 30.0
    pong_timeout_s: float = 300.0
    """A WebSocket from which nothing came for so long, not even an answer to a ping, is gone."""

    sweep_s: float = 1.0
    """How often clocks are looked at; all times above are kept no more exactly than this."""

    worker_threads: int = 4
    """Threads for the engine calls of methods that are composed in Python."""
