"""Where a role's log goes: the pipe to the supervisor, without ever waiting for it for long.

Whoever logs may hold the chain's fate in his hands. A supervisor that does not read (it is stopped, or its own disk
hangs) costs lines: they are dropped and counted, and the log says so when it goes on.
"""

import logging
import os
import select
from typing import Final

PATIENCE_MS: Final = 50
"""For a reader that is busy; once lines are being dropped there is none until it reads again."""


class PipeHandler(logging.Handler):
    """Writes lines to a descriptor that others may write to as well."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lost = 0
        self._is_cut = False
        """What was written last ends within a line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, or count it as lost."""
        try:
            line = f"{self.format(record)}\n"
        except Exception as error:
            line = f"a message that can't be shown ({error!r}): {record.msg!r}\n"
        if self._write((self._confession() + line).encode(errors="backslashreplace")):
            self._lost, self._is_cut = 0, False
        else:
            self._lost += 1

    def _confession(self) -> str:
        if not self._lost:
            return ""
        lines = "1 line is" if self._lost == 1 else f"{self._lost} lines are"
        return "\n" * self._is_cut + f"... {lines} missing here: nobody read what was written\n"

    def _write(self, data: bytes) -> bool:
        """Whether all of it could be written."""
        at = 0
        while at < len(data):
            if not self._poll.poll(0 if self._lost else PATIENCE_MS):
                return False
            try:
                # So much a pipe takes at once that can be written to at all.
                at += os.write(self._descriptor, data[at : at + select.PIPE_BUF])
            except OSError:
                return False
            self._is_cut = at < len(data)
        return True
