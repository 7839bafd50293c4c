"""Answers the engine's questions about the chain that it was forked from: from the cache, or from the remote.

A few threads (`fork-*`), each with a question at a time, so that the remote is never asked more at once than there are
threads. The engine never waits for them where it builds.
"""

from __future__ import annotations

import logging
import threading
from typing import Final, Protocol

from devnet.fork.cache import ForkCache
from devnet.fork.remote import Remote, RemoteFault, RemoteSilentError
from devnet.fork.side_by_side import AT_ONCE
from devnet.threads import OnDeath, start_thread

log = logging.getLogger(__name__)

THREADS: Final = AT_ONCE
WAIT_MS: Final = 500
"""A thread looks that often whether it is to end."""
PAUSE_S: Final = 0.02
"""An engine that has stopped says at once that there is no question."""
SERVER_ERROR: Final = -32000


class Asking(Protocol):
    """An engine with a forked chain (`devnet._engine.Engine`)."""

    def fork_question(self, timeout_ms: int) -> tuple[int, str, str] | None:
        """The next question: its number, a method, parameters in JSON."""

    def fork_answer(self, question: int, result: bytes) -> None:
        """The result, in JSON."""

    def fork_failure(self, question: int, code: int, message: str, data: bytes | None = None) -> None:
        """Why there is none."""


class Fetcher:
    """Call `start` once, `stop` once."""

    def __init__(self, engine: Asking, remote: Remote, cache: ForkCache, on_death: OnDeath) -> None:
        self._engine = engine
        self._remote = remote
        self._cache = cache
        self._on_death = on_death
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to answer."""
        self._threads = [
            start_thread(self._run, f"fork-{number}", self._on_death) for number in range(THREADS)
        ]

    def stop(self, patience_s: float) -> None:
        """Ends the threads, and closes cache and connections unless one of them still waits for the remote."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(patience_s)
        if not any(thread.is_alive() for thread in self._threads):
            self._cache.close()
            self._remote.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            question = self._engine.fork_question(WAIT_MS)
            if question is not None:
                self._answer(*question)
            else:
                self._stopping.wait(PAUSE_S)

    def _answer(self, question: int, method: str, params: str) -> None:
        try:
            result = self._cache.through(self._remote.ask, method, params)
        except RemoteFault as fault:
            self._engine.fork_failure(question, fault.code, fault.message, fault.data)
        except RemoteSilentError as silence:
            log.warning("%s", silence)
            self._engine.fork_failure(question, SERVER_ERROR, str(silence))
        else:
            self._engine.fork_answer(question, result)
