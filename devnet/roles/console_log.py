"""The console thread: what contracts tell `console.log` goes to the log and to who has subscribed to it.

    builder, calls --met the console--> engine: a queue --next_console--> executed again here --> log, subscribers

Owns the thread `console`, which sleeps until something meets the console. What it does is bounded, as contracts say how
much there is: so many calls of one transaction (the engine), so many lines a second. What is left out is counted, and
the log says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import orjson

from devnet.console.lines import LOGGER, ConsoleLine
from devnet.console.text import told
from devnet.threads import OnDeath, start_thread

log = logging.getLogger(LOGGER)

WAIT_MS: Final = 60_000
MAX_LINES_PER_S: Final = 2_000
LAST_WORDS_S: Final = 0.3
"""For what is left to be told when the node stops, or goes back."""

Execution = tuple[bytes | str, list[tuple[bytes, bytes]], int]


class Consoling(Protocol):
    """The engine's end (`devnet._engine.Engine`)."""

    def hear_console(self, on: bool) -> None:
        """From now on what meets the console is kept for `next_console`, or no more."""

    def next_console(self, timeout_ms: int) -> tuple[list[Execution], int, str | None] | None:
        """What was told since the last call; None when nothing will be any more."""


class ConsoleLog:
    """Of one node. `start` once, and `finish` before the engine stops."""

    def __init__(
        self, engine: Consoling, publish: Callable[[list[bytes]], None], on_failure: OnDeath, *, wanted: bool
    ) -> None:
        """`publish`: tells subscribers, in JSON. `wanted`: if not, nothing is ever heard."""
        self._engine = engine
        self._publish = publish
        self._on_failure = on_failure
        self._wanted = wanted
        self._finishing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to listen, if that is wanted."""
        if self._wanted:
            self.hear(True)
            self._thread = start_thread(self._run, "console", self._on_failure)

    def hear(self, on: bool) -> None:
        """Listens from now on, if that is wanted at all, or no more."""
        if self._wanted:
            self._engine.hear_console(on)

    def finish(self) -> None:
        """Tells what was told already, and no more after a moment."""
        self._finishing.set()
        self.drain()

    def drain(self) -> None:
        """Shows what was told already, for a moment: before the engine forgets it."""
        if self._thread is None:
            return
        deadline = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < deadline and self._step(0):
            pass

    def _run(self) -> None:
        while (lines := self._step(WAIT_MS)) is not None:
            # Who tells much waits, and then there is too much in the engine's queue.
            self._finishing.wait(lines / MAX_LINES_PER_S)

    def _step(self, timeout_ms: int) -> int | None:
        """Tells what was told next; how many lines that is, None when nothing will come any more."""
        output = self._engine.next_console(timeout_ms)
        if output is None:
            return None
        executions, lost, failure = output
        lines = [line for execution in executions for line in _lines(execution)]
        for line in lines:
            log.info("%s", line.logged(), extra=line.fields())
        self._publish([orjson.dumps(_news(line)) for line in lines])
        if lost:
            log.warning("%d transactions and calls are left out: they told more than can be shown", lost)
        if failure is not None:
            log.warning("%s", failure)
        return len(lines)


def _lines(execution: Execution) -> Iterator[ConsoleLine]:
    who, calls, left_out = execution
    source = who if isinstance(who, str) else f"0x{who.hex()}"
    for contract, calldata in calls:
        yield ConsoleLine(source, f"0x{contract.hex()}", told(calldata))
    if left_out:
        yield ConsoleLine(source, None, f"... {left_out} more calls of console.log are left out")


def _news(line: ConsoleLine) -> dict[str, object]:
    return {
        "transactionHash": line.source if line.is_transaction else None,
        "method": None if line.is_transaction else line.source,
        "contract": line.contract,
        "text": line.text,
    }
