"""A call tree, for people and for programs. Rendering only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from megaeth_cli.inspect.reasons import Reason
from megaeth_cli.output.receipts import Find, log_json, log_text
from megaeth_cli.traces.folding import Folding, Shown
from megaeth_cli.traces.frame import Frame
from megaeth_cli.traces.names import NamedFrame, pairs_json, pairs_text
from megaeth_cli.units import checksummed, ether
from megaeth_cli.visible import one_line

Json = Any
LONGEST = 80
"""Letters of a value, if nobody asks for all."""

_MARKS = {"STATICCALL": "static ", "DELEGATECALL": "delegate ", "CALLCODE": "callcode "}


@dataclass(frozen=True)
class TreeView:
    """What is needed to show a tree."""

    folding: Folding
    name: Callable[[Frame], NamedFrame]
    why: Callable[[Frame], Reason | None]
    find: Find
    executes_nothing: Callable[[Frame], bool] = lambda _: False
    whole: bool = False
    """Whether values are shown at any length."""

    def text(self, root: Frame) -> str:
        """One line for each frame, event and end."""
        lines = [self._frame(root)]
        # Frame, the margin of what stands within it, and what of that is still to come.
        waiting = [("", iter(self._within(root)))]
        while waiting:
            margin, rows = waiting[-1]
            row = next(rows, None)
            if row is None:
                waiting.pop()
                continue
            text, frame, is_last = row
            lines.append(f"{margin}{'└─ ' if is_last else '├─ '}{text}")
            if frame is not None:
                waiting.append((margin + ("   " if is_last else "│  "), iter(self._within(frame))))
        return "\n".join(lines)

    def json(self, root: Frame) -> Json:
        """The tree, of which folded calls are counted."""
        body = self._json(root)
        waiting = [(root, body)]
        while waiting:
            frame, into = waiting.pop()
            for shown in self.folding.of(frame):
                if shown.frame is None:
                    into["calls"].append({"folded": len(shown.folded), "frames": shown.within})
                    continue
                inner = self._json(shown.frame)
                into["calls"].append(inner)
                waiting.append((shown.frame, inner))
        return body

    def _within(self, frame: Frame) -> list[tuple[str, Frame | None, bool]]:
        """The rows below a frame: its calls and events in their order, and how it ended."""
        rows: list[tuple[str, Frame | None]] = []
        logs, place = list(frame.logs), 0
        for shown in self.folding.of(frame):
            while logs and logs[0].position <= place:
                rows.append((f"event {self._log(logs.pop(0).to_rpc())}", None))
            if shown.frame is not None:
                rows.append((self._frame(shown.frame), shown.frame))
                place += 1
            else:
                rows.append((self._folded(shown, frame), None))
                place += len(shown.folded)
        rows += [(f"event {self._log(log.to_rpc())}", None) for log in logs]
        if (end := self._end(frame)) is not None:
            rows.append((end, None))
        return [(text, inner, n == len(rows) - 1) for n, (text, inner) in enumerate(rows)]

    def _frame(self, frame: Frame) -> str:
        named = self.name(frame)
        if frame.kind == "SELFDESTRUCT":
            return f"selfdestruct, {ether(frame.value)} ETH to {named.contract}"
        mark = _MARKS.get(frame.kind, f"{frame.kind.lower()} " if frame.creates else "")
        value = f" {{{ether(frame.value)} ETH}}" if frame.value and frame.kind != "DELEGATECALL" else ""
        most = None if self.whole else LONGEST
        if named.arguments is not None:
            given = f"({pairs_text(named.arguments, most)})" if named.function else ""
        else:
            whole = frame.creates or not named.function
            given = f"({self._data(frame.input if whole else frame.input[4:])})"
        unsure = "?" if named.guessed else ""
        return one_line(f"{mark}{named.place}{unsure}{given}{value}  {gas_text(frame)}")

    def _end(self, frame: Frame) -> str | None:
        if frame.failed:
            why = self.why(frame)
            return f"✗ {one_line(why.text if why is not None else frame.error)}"
        if self.executes_nothing(frame):
            return "an account without code: nothing is executed"
        named = self.name(frame)
        if frame.creates:
            return f"← {len(frame.output):,} bytes of code" + (
                f" at {checksummed(frame.to)}" if frame.to is not None else ""
            )
        if not named.results:
            return None
        return one_line(f"← {pairs_text(named.results, None if self.whole else LONGEST)}")

    def _folded(self, shown: Shown, parent: Frame) -> str:
        count, gas = len(shown.folded), sum(frame.gas_used for frame in shown.folded)
        deeper = shown.within - count
        more = f", {deeper:,} within them" if deeper else ""
        if self.folding.depth is not None and parent.depth >= self.folding.depth:
            return f"... {count:,} {'call' if count == 1 else 'calls'}{more}  {gas:,} gas"
        kinds = {(frame.to, frame.input[:4]) for frame in shown.folded}
        alike = "more calls like this one" if len(kinds) == 1 else "more calls"
        return f"... {count:,} {alike}{more}  {gas:,} gas"

    def _log(self, log: Json) -> str:
        return one_line(log_text(log, self.find).replace("\n", ", "))

    def _data(self, data: bytes) -> str:
        text = f"0x{data.hex()}"
        return text if self.whole or len(text) <= LONGEST else f"{text[:LONGEST]}... {len(data):,} bytes"

    def _json(self, frame: Frame) -> dict[str, Json]:
        named, why = self.name(frame), self.why(frame)
        body: dict[str, Json] = {
            "kind": frame.kind,
            "from": checksummed(frame.caller),
            "to": checksummed(frame.to) if frame.to is not None else None,
            "contract": named.contract,
            "function": named.signature or None,
            "guessed": named.guessed,
            "arguments": pairs_json(named.arguments),
            "input": f"0x{frame.input.hex()}",
            "valueWei": str(frame.value),
            "gas": frame.gas,
            "gasUsed": frame.gas_used,
            "computeGas": frame.compute_gas,
            "storageGas": frame.storage_gas,
            "results": pairs_json(named.results),
            "output": f"0x{frame.output.hex()}",
            "events": [log_json(log.to_rpc(), self.find) for log in frame.logs],
        }
        if why is not None:
            body["failure"] = why.to_json()
        return body | {"calls": []}


def gas_text(frame: Frame) -> str:
    """What a frame used, in both dimensions where they are known."""
    if frame.compute_gas is None or frame.storage_gas is None:
        return f"{frame.gas_used:,} gas"
    if not frame.storage_gas:
        return f"{frame.gas_used:,} gas, all compute"
    return f"{frame.gas_used:,} gas = {frame.compute_gas:,} compute + {frame.storage_gas:,} storage"
