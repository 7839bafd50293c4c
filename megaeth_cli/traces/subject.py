"""What is looked at: a transaction of the chain, or a call that nobody sent. Asks the node for its traces."""

from dataclasses import dataclass
from typing import Any

from megaeth_cli.chain.nested_json import deep_answers
from megaeth_cli.chain.rpc_client import METHOD_NOT_FOUND, Node, RpcError
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.traces.frame import Frame, of_answer
from megaeth_cli.units import quantity

Json = Any

TRACE_TIMEOUT_S = 180.0
"""Long traces take the node a while."""


class NoTracesError(CliError):
    """The node does not trace."""


@dataclass(frozen=True)
class Subject:
    """One of both."""

    call: dict[str, Json]
    """As `eth_call` takes it; of a transaction what it says of itself."""
    block: str
    """Of a call the number or tag of the block after which it is made; of a transaction the number of its block."""
    transaction: Json | None = None
    receipt: Json | None = None

    @property
    def hash(self) -> str | None:
        """Of the transaction."""
        return self.transaction["hash"] if self.transaction is not None else None

    @property
    def title(self) -> str:
        """For headings."""
        if self.hash is not None:
            return f"Transaction {self.hash}"
        return "Call on the newest state" if self.block == "latest" else f"Call after block {self.block}"


def sent(network: Network, hash_: str) -> Subject:
    """A transaction that has a receipt; CliError where there is none."""
    transaction, receipt = network.node.batch(
        [("eth_getTransactionByHash", [hash_]), ("eth_getTransactionReceipt", [hash_])]
    )
    if transaction is None:
        raise CliError(f"no transaction {hash_}", "the node does not know it", "check the hash and --rpc-url")
    if receipt is None:
        raise CliError(
            f"transaction {hash_} has not been executed",
            "it waits in the node's pool",
            f"megaeth tx show {hash_}   says what for",
        )
    return Subject(as_call(transaction), receipt["blockNumber"], transaction, receipt)


def as_call(transaction: Json) -> dict[str, Json]:
    """The call that a transaction makes, with what it pays: who pays no fees need not have them."""
    names = {
        "from": "from",
        "to": "to",
        "input": "input",
        "value": "value",
        "gas": "gas",
        "accessList": "accessList",
        "authorizationList": "authorizationList",
    }
    return {name: transaction[key] for name, key in names.items() if transaction.get(key) is not None}


def gives_no_traces(node: Node, hash_: str) -> bool:
    """Whether it does not trace transactions at all."""
    try:
        with deep_answers():
            node.call("debug_traceTransaction", hash_, {"tracer": "noopTracer"})
    except RpcError as error:
        return _is_not_offered(error)
    return False


def _is_not_offered(error: RpcError) -> bool:
    return error.code == METHOD_NOT_FOUND or "whitelist" in error.message


def call_tree(network: Network, subject: Subject) -> Frame:
    """Its calls."""
    return of_answer(_trace(network, subject, {"tracer": "callTracer", "tracerConfig": {"withLog": True}}))


def changed_state(network: Network, subject: Subject) -> Json:
    """What it changed: `{"pre": accounts, "post": accounts}` as `prestateTracer` tells it."""
    return _trace(network, subject, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}})


def met_state(network: Network, subject: Subject) -> Json:
    """The accounts and slots that it met, as they were before."""
    return _trace(network, subject, {"tracer": "prestateTracer"})


def instructions(network: Network, subject: Subject, most: int) -> Json:
    """The instructions, so many at most: the answer of the struct logger without stacks and storage."""
    options = {"disableStack": True, "disableStorage": True, "limit": most}
    return _trace(network, subject, options)


def moments(network: Network, subject: Subject, most: int, *, memory: bool) -> Json:
    """The instructions, so many at most, with what lay on the stack, in storage, and if it is asked for in memory."""
    return _trace(network, subject, {"enableMemory": memory, "limit": most})


def _trace(network: Network, subject: Subject, options: Json) -> Json:
    node = network.node
    node.wait_longer(TRACE_TIMEOUT_S)
    try:
        with deep_answers():
            if subject.hash is not None:
                return node.call("debug_traceTransaction", subject.hash, options)
            return node.call("debug_traceCall", subject.call, _block(subject.block), options)
    except RpcError as error:
        if _is_not_offered(error):
            raise NoTracesError(
                f"{node.url} gives no traces of {'transactions' if subject.hash else 'calls'}",
                error.message,
                "use a node of `megaeth devnet up`"
                if subject.hash
                else f"megaeth devnet up --fork-url {node.url}   and the same command on that devnet",
                ExitStatus.RPC,
            ) from error
        raise


def _block(text: str) -> Json:
    return {"blockHash": text} if len(text) == 66 else text


def block_before(subject: Subject) -> str:
    """The block after whose state it was executed, but for what its own block changed before it."""
    return hex(max(quantity(subject.block) - 1, 0)) if subject.hash is not None else subject.block
