"""What every role process does around its work: logging, the event loop, signals, and ending as a whole.

A failure in any thread or background task ends the process with a message and exit code 1: a node that is half alive
would promise what it can't keep.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from devnet.errors import UserError
from devnet.role_config import START_AGAIN_EXIT, USER_ERROR_EXIT, RoleConfig, tell_user
from devnet.roles.log_output import PipeHandler
from devnet.rpc.server import new_event_loop
from devnet.stalls import watch
from devnet.threads import report_deaths, start_timer

log = logging.getLogger(__name__)

DEATH_S = 5.0
"""A process that failed and can't even stop is ended after this."""
FAILED_EXIT = 1


Result = TypeVar("Result")


class Stopped(Exception):
    """The process is to stop, before the work was done."""


class Failure:
    """Called by any thread with the error that ends it: the first one stops the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.error: BaseException | None = None
        self.stopping = asyncio.Event()
        self.begin_anew = False
        """The process is to be started again at once: what it has in memory is not what is on its disk."""
        self._loop = loop

    def __call__(self, error: BaseException) -> None:
        """Notes the error and asks the event loop to stop."""
        if self.error is None:
            self.error = error
            log.critical("thread %s failed: %r", threading.current_thread().name, error)
            start_timer(DEATH_S, die, "watchdog", lambda _: die())
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.stopping.set)

    async def interruptible(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The work's result; raises Stopped, with the work cancelled, when the process is to stop before that."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        raise Stopped

    def start_again(self) -> None:
        """On the loop: stop in order, and ask the supervisor for a new start."""
        self.begin_anew = True
        self.stopping.set()


Work = Callable[[RoleConfig, Failure], Coroutine[Any, Any, None]]
"""A role: returns when `Failure.stopping` is set and everything has stopped."""


def serve_role(role: RoleConfig, work: Work) -> None:
    """Runs until SIGTERM, SIGINT or a failure."""
    logging.basicConfig(
        level=role.config.log.level.upper(),
        handlers=[PipeHandler(sys.stderr.fileno())],
        format="%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    failure = Failure(loop)
    report_deaths(failure)
    watch(log.error, failure)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, failure.stopping.set)
    try:
        loop.run_until_complete(work(role, failure))
    except Stopped:
        log.info("stopped before it was ready")
    finally:
        loop.close()
    if isinstance(failure.error, UserError):
        end_with(failure.error)
    if failure.error is not None:
        log.critical("%s failed: %r", role.node, failure.error, exc_info=failure.error)
        die()
    if failure.begin_anew:
        log.warning("%s begins anew from its disk", role.node)
        die(START_AGAIN_EXIT)


def end_with(error: UserError) -> NoReturn:
    """Ends the process at once, with an error that its user can mend. Any thread."""
    log.critical("thread %s ends the process: %s", threading.current_thread().name, error)
    tell_user(error)
    die(USER_ERROR_EXIT)


def die(code: int = FAILED_EXIT) -> NoReturn:
    """Ends the process whatever its threads do."""
    logging.shutdown()
    os._exit(code)
