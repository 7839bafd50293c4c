"""One sentence that says how it ended: what, in which function, at which line, by which numbers."""

from dataclasses import dataclass
from typing import Any

from megaeth_cli.bytecode.source_map import Line
from megaeth_cli.chain.allowance import Allowance
from megaeth_cli.inspect import reasons
from megaeth_cli.inspect.reasons import Reason
from megaeth_cli.traces.detention import Read
from megaeth_cli.traces.frame import OUT_OF_GAS, Frame
from megaeth_cli.traces.names import Names
from megaeth_cli.traces.place import Place
from megaeth_cli.traces.positions import line_text
from megaeth_cli.units import quantity

Json = Any


@dataclass(frozen=True)
class Evidence:
    """What a verdict is made of."""

    root: Frame
    names: Names
    allowance: Allowance
    mega: Json
    """The receipt's or the error's, where there is one."""
    reason: Reason | None
    """As `tx show` has it; None where it succeeded."""
    place: Place
    """Where it failed."""
    read: Read | None
    read_line: Line | None


@dataclass(frozen=True)
class Verdict:
    """How it ended."""

    text: str
    hint: str = ""


def verdict(evidence: Evidence) -> Verdict:
    """The sentence, and what may be done about it."""
    root = evidence.root
    if not root.failed:
        text = f"succeeded: `{evidence.names.frame(root).place}`"
        detained = _detained(evidence)
        return Verdict(f"{text}; {detained}" if detained else text)
    at_fault = root.at_fault()[-1]
    where = _where(evidence, at_fault)
    if evidence.names.is_limit(at_fault):
        return _over_budget(evidence, at_fault, where)
    halt = (evidence.mega or {}).get("haltReason")
    if isinstance(halt, dict) and "limit" in halt:
        return _over_limit(evidence, halt, where)
    reason = evidence.reason or Reason(root.error)
    if at_fault is not root:
        # A caller that passes a failure on may say less of it.
        reason = evidence.names.failure(at_fault) or reason
        if at_fault.error == OUT_OF_GAS:
            where += f"; it was given {at_fault.gas:,} gas"
    detained = _detained(evidence)
    return Verdict(f"{_coded(reason.text)} {where}" + (f"; {detained}" if detained else ""), reason.hint)


def _over_budget(evidence: Evidence, frame: Frame, where: str) -> Verdict:
    """A frame that reverted because its share of a limit was used up."""
    kind, limit = evidence.names.limit(frame)
    what = reasons.DIMENSIONS[kind] if kind < len(reasons.DIMENSIONS) else f"dimension {kind}"
    hint = evidence.reason.hint if evidence.reason is not None else ""
    detained = _detained(evidence)
    limits, share = evidence.allowance.limits, evidence.allowance.call_share
    if frame is evidence.root:
        most = (limits[kind] if kind < len(limits) else None) or limit
        used = most - limit
        before = f" ({used:,} before the first instruction)" if used else ""
        text = f"halted: {what} limit {most:,} reached {where}{before}"
        return Verdict(f"{text}; {detained}" if detained else text, hint)
    path = evidence.root.at_fault()
    parent = evidence.names.frame(path[-2]).place
    text = f"reverted: {what} budget {limit:,} used up {where}"
    if share is not None:
        text += f"; a call has {share[0]}/{share[1]} of what `{parent}` had left"
    return Verdict(f"{text}; {detained}" if detained else text, hint)


def _over_limit(evidence: Evidence, halt: Json, where: str) -> Verdict:
    """A transaction that mega-evm ended."""
    reason = evidence.reason or Reason("")
    limit, actual = quantity(halt["limit"]), quantity(halt.get("actual"))
    if halt.get("kind") == reasons.DETAINED:
        detained = _detained(evidence) or f"detained since it read {', '.join(halt.get('accesses') or ())}"
        text = f"halted: {actual:,} compute gas used {where}; {detained}, cap {limit:,}"
        return Verdict(text, reason.hint)
    what = _LIMITED.get(str(halt.get("kind")), str(halt.get("kind")))
    return Verdict(f"halted: {what} limit {limit:,} reached {where}", reason.hint)


_LIMITED = {
    "DataLimitExceeded": "data size",
    "KVUpdateLimitExceeded": "KV update",
    "KvUpdateLimitExceeded": "KV update",
    "ComputeGasLimitExceeded": "compute gas",
    "StateGrowthLimitExceeded": "state growth",
}


def _detained(evidence: Evidence) -> str:
    if evidence.read is None or not (evidence.mega or {}).get("detained", True):
        return ""
    place = line_text(evidence.read_line) if evidence.read_line is not None else f"pc {evidence.read.pc}"
    return f"detained since `{evidence.read.what}` at {place}"


def _where(evidence: Evidence, frame: Frame) -> str:
    place = f"in `{evidence.names.frame(frame).place}`"
    if evidence.place.line is None:
        return place
    most = "most of it at " if evidence.place.is_hottest else ""
    return f"{place}, {most}{line_text(evidence.place.line)}"


def _coded(text: str) -> str:
    """An error's name and arguments as code: ``reverted: `Denied(who: ...)` ``."""
    head, colon, rest = text.partition(": ")
    is_call = rest.endswith(")") and " " not in rest.partition("(")[0]
    return f"{head}: `{rest}`" if head == "reverted" and colon and is_call else text
