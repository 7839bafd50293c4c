"""A call tree as `callTracer` tells it, for those who walk it. Names nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from megaeth_cli.chain import answers
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.reasons import LIMIT_EXCEEDED
from megaeth_cli.units import quantity

Json = Any
REVERTED = "execution reverted"
"""geth's word for a frame that gave up by itself."""
OUT_OF_GAS = "out of gas"


@dataclass(frozen=True, slots=True)
class Log:
    """An event that stayed."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    position: int
    """How many calls of its frame came before it."""

    def to_rpc(self) -> Json:
        """As receipts have it."""
        return {
            "address": f"0x{self.address.hex()}",
            "topics": [f"0x{topic.hex()}" for topic in self.topics],
            "data": f"0x{self.data.hex()}",
        }


@dataclass(slots=True)
class Frame:
    """One call or creation, with those within it."""

    number: int
    """Of the frame in its tree, from 0, in the order in which they began."""
    depth: int
    """From 1, as instructions count it."""
    kind: str
    """`CALL`, `STATICCALL`, `DELEGATECALL`, `CALLCODE`, `CREATE`, `CREATE2`, `SELFDESTRUCT`."""
    caller: bytes
    to: bytes | None
    """Whose code it is; None for a creation that failed."""
    value: int
    gas: int
    """Its gas limit."""
    gas_used: int
    """Calls within it included."""
    compute_gas: int | None
    storage_gas: int | None
    """Of `gas_used`; None where the node does not tell."""
    input: bytes
    output: bytes
    error: str
    """In geth's words; empty where it succeeded."""
    logs: list[Log] = field(default_factory=list)
    calls: list["Frame"] = field(default_factory=list)
    account: bytes | None = None
    """On whose storage it works."""
    mega: Json = None
    """Of the first, what the whole used in each dimension, as a receipt's `mega` object; None where no one tells."""

    @property
    def creates(self) -> bool:
        """Whether it makes a contract."""
        return self.kind in ("CREATE", "CREATE2")

    @property
    def failed(self) -> bool:
        """Whether nothing of it stayed."""
        return bool(self.error)

    def walk(self) -> Iterator["Frame"]:
        """It and all within it, in the order in which they began."""
        waiting = [self]
        while waiting:
            frame = waiting.pop()
            yield frame
            waiting += reversed(frame.calls)

    def path_to(self, number: int) -> list["Frame"]:
        """From it down to a frame within it."""
        path: list[Frame] = []
        for frame in self.walk():
            del path[frame.depth - self.depth :]
            path.append(frame)
            if frame.number == number:
                break
        return path

    def at_fault(self) -> list["Frame"]:
        """From a frame that failed down to the one where its failure began; itself alone if it passed none on."""
        path = [self]
        while path[-1].calls and _passes_on(path[-1], path[-1].calls[-1]):
            path.append(path[-1].calls[-1])
        return path


def of_answer(answer: Json) -> Frame:
    """The tree in an answer of `callTracer`."""
    root = _frame(answer, 1, None)
    waiting = [(root, answer)]
    while waiting:
        frame, body = waiting.pop()
        for inner in body.get("calls") or ():
            child = _frame(inner, frame.depth + 1, frame.account)
            frame.calls.append(child)
            waiting.append((child, inner))
    for number, frame in enumerate(root.walk()):
        frame.number = number
        _tell_budget(frame)
    return root


def _tell_budget(frame: Frame) -> None:
    """A call over its budget has no output of its own in a trace: it is what its caller passed on."""
    last = frame.calls[-1] if frame.calls else None
    is_limit = frame.output[:4] == LIMIT_EXCEEDED.selector
    if last is not None and is_limit and last.error == REVERTED and not last.output:
        last.output = frame.output


def _passes_on(frame: Frame, last: Frame) -> bool:
    """Whether a frame failed because its last call did."""
    return frame.failed and last.failed and (last.output == frame.output or frame.error != REVERTED)


def _frame(body: Json, depth: int, account: bytes | None) -> Frame:
    if (wrong := answers.call_frame(body)) is not None:
        raise CliError(
            "the node tells calls in a form that they cannot have",
            f"a call{wrong if wrong[0] in '.[' else f' {wrong}'}",
            "check --rpc-url, or ask another node",
            ExitStatus.RPC,
        )
    mega = body.get("mega") or {}
    kind = body["type"]
    to = _bytes(body["to"]) if body.get("to") else None
    return Frame(
        number=0,
        depth=depth,
        kind=kind,
        caller=_bytes(body["from"]),
        to=to,
        value=quantity(body.get("value")),
        gas=quantity(body["gas"]),
        gas_used=quantity(body["gasUsed"]),
        compute_gas=quantity(mega["computeGas"]) if "computeGas" in mega else None,
        storage_gas=quantity(mega["storageGas"]) if "storageGas" in mega else None,
        input=_bytes(body.get("input") or "0x"),
        output=_bytes(body.get("output") or "0x"),
        error=str(body.get("error") or ""),
        logs=[_log(one) for one in body.get("logs") or ()],
        account=account if kind in ("DELEGATECALL", "CALLCODE") else to,
        mega=mega if depth == 1 and mega else None,
    )


def _log(body: Json) -> Log:
    topics = tuple(_bytes(topic) for topic in body["topics"])
    return Log(_bytes(body["address"]), topics, _bytes(body["data"]), quantity(body.get("position")))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
