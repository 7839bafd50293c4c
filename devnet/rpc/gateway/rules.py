"""The rules of MegaETH's public endpoint as data, each with where it is documented.

The pages are those of `megaeth-labs/documentation` in July 2026, `docs/dev/rpc/`. Where they name no code, or no words,
ours stand here; `docs/gateway.md` says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from devnet.rpc.errors import Code, RpcFault

KIB: Final = 1024
MIB: Final = 1024 * KIB

LIMITS_PAGE: Final = "operations-and-limits.md"
METHODS_PAGE: Final = "reference/README.md"
ERRORS_PAGE: Final = "error-codes.md"


class Gateway(StrEnum):
    """Which endpoint stands before the node."""

    OFF = "off"
    PUBLIC = "public"
    """As it is documented."""
    COMING = "coming"
    """The same over the node that the documentation announces: more methods are refused."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit or refusal."""

    name: str
    words: str
    """What a client is told first; `{method}` is the request's."""
    limit: str
    """The number, or the condition, in words."""
    code: int
    """JSON-RPC's; of a rule that ends a WebSocket, the close code."""
    source: str
    """The page that documents it."""
    status: int = HTTPStatus.OK
    """HTTP's, of a request that is alone in its body."""

    def text(self, method: str = "") -> str:
        """The message: the endpoint's words, the rule, its number."""
        return f"{self.words.format(method=method)} (gateway rule {self.name}: {self.limit})"

    def broken(self, method: str = "") -> BrokenRuleError:
        """Build what is raised."""
        return BrokenRuleError(self, self.text(method))


class BrokenRuleError(RpcFault):
    """A request that the endpoint would refuse."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(rule.code, message)
        self.rule = rule


def _methods(text: str) -> frozenset[str]:
    return frozenset(text.split())


TRANSACTIONS: Final = _methods(
    "eth_sendRawTransaction eth_sendRawTransactionSync realtime_sendRawTransaction"
)
SYNCHRONOUS: Final = TRANSACTIONS - {"eth_sendRawTransaction"}
"""Wait for the receipt. The endpoint has both done by the second one."""
REALTIME: Final = "realtime_sendRawTransaction"
SIMULATIONS: Final = _methods("eth_call eth_callMany eth_createAccessList eth_estimateGas")
TRACES: Final = _methods("debug_traceTransaction debug_traceBlockByHash debug_traceBlockByNumber")
TRACERS: Final = ("callTracer", "prestateTracer", "flatCallTracer")
SUBSCRIPTIONS: Final = _methods("eth_subscribe eth_unsubscribe")
UNCLES: Final = _methods(
    "eth_getUncleByBlockHashAndIndex eth_getUncleByBlockNumberAndIndex "
    "eth_getUncleCountByBlockHash eth_getUncleCountByBlockNumber"
)
UNSUPPORTED: Final = UNCLES | _methods(
    "eth_blobBaseFee eth_callBundle eth_sign eth_signTransaction eth_signTypedData eth_sendTransaction"
)
"""What the coming node names as not supported."""

HTTP_METHODS: Final = (
    TRANSACTIONS
    | SIMULATIONS
    | TRACES
    | UNCLES
    | _methods(
        "debug_getHistoryTransactionCount debug_getRawHeader eth_accounts eth_blockNumber eth_chainId eth_feeHistory "
        "eth_gasPrice eth_getBalance eth_getBlockByHash eth_getBlockByNumber eth_getBlockReceipts "
        "eth_getBlockTransactionCountByHash eth_getBlockTransactionCountByNumber eth_getCode eth_getCodeByHash "
        "eth_getHeaderByHash eth_getHeaderByNumber eth_getLogs eth_getStorageAt eth_getTransactionByHash "
        "eth_getTransactionCount eth_getTransactionReceipt eth_getWithdrawalProof eth_maxPriorityFeePerGas "
        "eth_protocolVersion eth_syncing eth_uninstallFilter mega_getBlockWitness mega_getWithdrawalProof "
        "mega_outputAtBlock net_listening net_peerCount net_version optimism_outputAtBlock web3_clientVersion"
    )
)
OWN_METHODS: Final = frozenset({"mega_getChainRules"})
"""The endpoint does not know these. A devnet's chain id may be the testnet's: what executes its blocks again has to be
told that it has rules of its own."""
WEBSOCKET_METHODS: Final = TRANSACTIONS | SUBSCRIPTIONS | {"eth_chainId"}
KINDS: Final = ("newHeads", "logs", "newPendingTransactions", "syncing", "miniBlocks", "stateChanges")
"""Subscriptions."""

METHOD: Final = Rule(
    "method", "rpc method is not whitelisted: {method}", "not among the methods of the public endpoint",
    Code.METHOD_NOT_FOUND, METHODS_PAGE,
)  # fmt: skip
UNSUPPORTED_METHOD: Final = Rule(
    "unsupported-method", "{method} is not supported on MegaETH", "the coming node has it no more",
    Code.METHOD_NOT_SUPPORTED, METHODS_PAGE,
)  # fmt: skip
WEBSOCKET_METHOD: Final = Rule(
    "websocket-method", "rpc method is not whitelisted: {method}",
    "WebSockets take " + ", ".join(sorted(WEBSOCKET_METHODS)) + "; send others over HTTP",
    Code.METHOD_NOT_FOUND, LIMITS_PAGE,
)  # fmt: skip
SUBSCRIPTION_KIND: Final = Rule(
    "subscription-kind", "no such subscription", "one of " + ", ".join(KINDS), Code.INVALID_PARAMS,
    "reference/eth_subscribe.md",
)  # fmt: skip
TRACE_OPTIONS: Final = Rule(
    "trace-options", "missing trace options", "2 parameters, the second an object, {} for opcodes", Code.INVALID_PARAMS,
    "reference/debug_traceTransaction.md",
)  # fmt: skip
TRACER: Final = Rule(
    "tracer", "no such tracer", "one of " + ", ".join(TRACERS), Code.INVALID_PARAMS, METHODS_PAGE
)

MAX_BATCH: Final = 100
BATCH: Final = Rule("batch", "batch too large", "at most 100 requests", Code.INVALID_REQUEST, LIMITS_PAGE)
MAX_SUBREQUESTS: Final = 950
SUBREQUESTS: Final = Rule(
    "batch-subrequests", "batch too large", "at most 950 requests, the calls within eth_callMany counted",
    Code.INVALID_REQUEST, LIMITS_PAGE,
)  # fmt: skip


def _body(name: str, limit: str) -> Rule:
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return Rule(name, "Payload too large", limit, Code.PAYLOAD_TOO_LARGE, LIMITS_PAGE, status)


MAX_BODY_BYTES: Final = 128 * KIB
BODY: Final = _body("body", "at most 128 KiB")
MAX_SIMULATION_BYTES: Final = MIB * 3 // 2
SIMULATION_BODY: Final = _body("simulation-body", "at most 1.5 MiB")
MAX_TRANSACTION_BYTES: Final = MIB * 5 // 2
TRANSACTION_BODY: Final = _body("transaction-body", "at most 2.5 MiB")
MAX_RESPONSE_BYTES: Final = 50 * MIB
RESPONSE: Final = Rule(
    "response", "backend response too large", "at most 50 MiB", Code.RESPONSE_TOO_LARGE, LIMITS_PAGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)  # fmt: skip

MAX_COMPUTE_GAS: Final = 60_000_000
COMPUTE: Final = Rule(
    "call-compute", "compute gas limit exceeded", "60,000,000 compute gas for a call, whatever its gas",
    Code.SERVER_ERROR, LIMITS_PAGE,
)  # fmt: skip
MAX_BUNDLES: Final = 100
MAX_CALLS: Final = 100
CALL_MANY: Final = Rule(
    "call-many",
    "too many calls",
    "at most 100 bundles and 100 calls in all",
    Code.INVALID_PARAMS,
    LIMITS_PAGE,
)
MAX_CALL_MANY_MS: Final = 25_000
CALL_MANY_TIMEOUT: Final = Rule(
    "call-many-timeout",
    "the timeout is out of range",
    "from 1 to 25,000 ms",
    Code.INVALID_PARAMS,
    LIMITS_PAGE,
)
CALL_MANY_MS: Final = 5_000
"""If none is given."""
CALL_MANY_TIME: Final = Rule(
    "call-many-time", "the calls took too long", "5,000 ms, or what the fourth parameter says up to 25,000",
    Code.SERVER_ERROR, "reference/eth_callMany.md",
)  # fmt: skip
ESTIMATE_S: Final = 0.5
ESTIMATE_TIME: Final = Rule(
    "estimate-time", "the estimate took too long", "0.5 s", Code.SERVER_ERROR, LIMITS_PAGE
)
MAX_FEE_HISTORY: Final = 256
FEE_HISTORY: Final = Rule(
    "fee-history", "blockCount is out of range", "from 1 to 256 blocks", Code.INVALID_PARAMS, LIMITS_PAGE
)
MAX_WAIT_MS: Final = 3_000
WAIT: Final = Rule(
    "receipt-wait", "realtime transaction expired", "a timeout is 3,000 ms at most", Code.SERVER_ERROR,
    "reference/realtime_sendRawTransaction.md",
)  # fmt: skip

WINDOW_S: Final = 10


@dataclass(frozen=True, slots=True)
class Category:
    """Reads that share a budget."""

    rule: Rule
    most: int
    """Requests of a client in a window."""


def _rate(name: str, most: int) -> Category:
    limit = f"{most:,} requests of a client in {WINDOW_S} s"
    status = HTTPStatus.TOO_MANY_REQUESTS
    rule = Rule(f"{name}-rate", "Rate limit exceeded", limit, Code.LIMIT_EXCEEDED, LIMITS_PAGE, status)
    return Category(rule, most)


INSTANT: Final = _rate("instant", 2_000)
SIMPLE: Final = _rate("simple", 500)
COMPUTING: Final = _rate("compute", 200)
IO_HEAVY: Final = _rate("io-heavy", 200)
_CATEGORIES: Final = {
    INSTANT: _methods(
        "eth_chainId eth_blockNumber net_version eth_accounts web3_clientVersion eth_getBalance eth_getStorageAt"
    ),
    COMPUTING: SIMULATIONS | TRACES,
    IO_HEAVY: _methods("eth_getLogs eth_getBlockReceipts"),
}


def category_of(method: str) -> Category | None:
    """Which budget a method is charged to; None for what submits transactions, and for subscriptions."""
    if method in TRANSACTIONS or method in SUBSCRIPTIONS:
        return None
    return next((found for found, methods in _CATEGORIES.items() if method in methods), SIMPLE)


MAX_SOCKETS: Final = 5
SOCKETS: Final = Rule(
    "websocket-connections", "too many WebSockets", "5 of a client at a time", Code.LIMIT_EXCEEDED, LIMITS_PAGE,
    HTTPStatus.TOO_MANY_REQUESTS,
)  # fmt: skip
MAX_SUBSCRIPTIONS: Final = 5
SUBSCRIPTION_COUNT: Final = Rule(
    "websocket-subscriptions", "too many subscriptions", "5 of a connection", Code.LIMIT_EXCEEDED, LIMITS_PAGE
)
MAX_MESSAGES: Final = 5
MESSAGES: Final = Rule(
    "websocket-messages", "Rate limit exceeded", "5 messages of a connection in a second", Code.LIMIT_EXCEEDED,
    LIMITS_PAGE,
)  # fmt: skip
IDLE_S: Final = 60
IDLE: Final = Rule("websocket-idle", "closed", "60 s without a message", 1001, LIMITS_PAGE)
MAX_MESSAGE_BYTES: Final = 64 * KIB
MESSAGE_BYTES: Final = Rule("websocket-message", "message too large", "at most 64 KiB", 1009, LIMITS_PAGE)
MAX_LOG_ADDRESSES: Final = 20
LOG_ADDRESSES: Final = Rule(
    "log-addresses", "too many addresses in the filter", "at most 20", Code.INVALID_PARAMS, LIMITS_PAGE
)
MAX_LOG_TOPICS: Final = 4
LOG_TOPICS: Final = Rule(
    "log-topics", "too many topic positions in the filter", "at most 4", Code.INVALID_PARAMS, LIMITS_PAGE
)

RULES: Final = (
    METHOD, UNSUPPORTED_METHOD, TRACE_OPTIONS, TRACER,
    BATCH, SUBREQUESTS, BODY, SIMULATION_BODY, TRANSACTION_BODY, RESPONSE,
    COMPUTE, CALL_MANY, CALL_MANY_TIMEOUT, CALL_MANY_TIME, ESTIMATE_TIME, FEE_HISTORY, WAIT,
    INSTANT.rule, SIMPLE.rule, COMPUTING.rule, IO_HEAVY.rule,
    WEBSOCKET_METHOD, SUBSCRIPTION_KIND, SOCKETS, SUBSCRIPTION_COUNT, MESSAGES, IDLE, MESSAGE_BYTES,
    LOG_ADDRESSES, LOG_TOPICS,
)  # fmt: skip
"""Every one, in the order of docs/gateway.md."""
