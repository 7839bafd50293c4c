"""One sentence that says how it ended: what, in which function, at which line, by which numbers."""

from dataclasses import dataclass, replace
from typing import Any

from megaeth_cli.chain.allowance import Allowance
from megaeth_cli.inspect import reasons
from megaeth_cli.inspect.reasons import Reason
from megaeth_cli.traces.caught import Caught
from megaeth_cli.traces.deposit import Deposit
from megaeth_cli.traces.detention import Read
from megaeth_cli.traces.frame import OUT_OF_GAS, Frame
from megaeth_cli.traces.names import Names
from megaeth_cli.traces.place import Place
from megaeth_cli.traces.positions import line_text
from megaeth_cli.units import quantity

Json = Any

_LONGEST = 400
"""Letters of a reason."""


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
    read_place: Place
    """Where that is."""
    deposit: Deposit | None = None
    caught: tuple[Caught, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """How it ended."""

    text: str
    hint: str = ""


def verdict(evidence: Evidence) -> Verdict:
    """The sentence, and what may be done about it."""
    found, caught = _verdict(evidence), _caught(evidence)
    return replace(found, text=f"{found.text}; {caught}") if caught else found


def _caught(evidence: Evidence) -> str:
    """What of it nobody passed on."""
    if not evidence.caught or evidence.allowance.call_share is None:
        return ""
    first, more = evidence.caught[0], len(evidence.caught) - 1
    share, whole = evidence.allowance.call_share
    frame, caller = (evidence.names.frame(one).place for one in (first.frame, first.caller))
    limit = "a limit" if first.compute_gas is None else "the compute gas limit"
    used = "" if first.compute_gas is None else f" after {first.compute_gas:,}"
    text = (
        f"`{frame}` within it used up its share of {limit}{used}, {share}/{whole} of what `{caller}` had left"
    )
    return text + ", which went on" + (f"; so did {more:,} more calls" if more else "")


def _verdict(evidence: Evidence) -> Verdict:
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
        if at_fault.error == OUT_OF_GAS and evidence.deposit is None:
            where += f"; it was given {at_fault.gas:,} gas"
    if evidence.deposit is not None:
        where += f": {evidence.deposit.text}"
    detained = _detained(evidence)
    return Verdict(
        f"{_coded(_shortened(reason.text))} {where}" + (f"; {detained}" if detained else ""), reason.hint
    )


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
    whole = limits[kind] if kind < len(limits) else None
    if not limit and whole is not None:
        what_for = where.removeprefix("in ")
        text = f"reverted: {what} limit {whole:,} reached: `{parent}` had none left for {what_for}"
        return Verdict(f"{text}; {detained}" if detained else text, hint)
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
    line, read = evidence.read_place.line, evidence.read
    if line is None:
        return f"detained since `{read.what}` at pc {read.pc} of `{evidence.names.frame(read.frame).place}`"
    reader = evidence.names.frame(read.frame).place
    called = f"in `{reader}`, called " if evidence.read_place.is_callers else ""
    return f"detained since `{read.what}` {called}at {line_text(line)}"


def _where(evidence: Evidence, frame: Frame) -> str:
    place = f"in `{evidence.names.frame(frame).place}`"
    if evidence.place.line is None:
        return place
    found = evidence.place
    how = "most of it at " if found.is_hottest else "called at " if found.is_callers else ""
    return f"{place}, {how}{line_text(evidence.place.line)}"


def _shortened(text: str) -> str:
    """A reason of any length, so that what follows it is seen."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} letters)"


def _coded(text: str) -> str:
    """An error's name and arguments as code: ``reverted: `Denied(who: ...)` ``."""
    head, colon, rest = text.partition(": ")
    is_call = rest.endswith(")") and " " not in rest.partition("(")[0]
    return f"{head}: `{rest}`" if head == "reverted" and colon and is_call else text
