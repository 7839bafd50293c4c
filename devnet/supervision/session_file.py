"""The session file: what the command line reads of a running devnet."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from devnet.errors import UnavailableError
from devnet.session import Session, write_session
from devnet.stalls import watched
from devnet.supervision.node import Node


class SessionFile:
    """Kept up to date. That it cannot be written is trouble, but ends nothing, once it is there."""

    def __init__(self, path: Path, session: Session, trouble: Callable[[str], None]) -> None:
        self.session = session
        self._path = path
        self._trouble = trouble
        self._unsaved = ""
        """Why it is not up to date."""

    def update(self, node: Node | None = None, **changes: object) -> None:
        """Write what became of a node, or of the session's own fields; UnavailableError when there is no file yet."""
        session = self.session
        if node is not None and (entry := node.session) is not None:
            session = session.with_node(entry)
        self.session = replace(session, **changes)  # type: ignore[arg-type]
        try:
            with watched(f"writing {self._path}"):
                write_session(self._path, self.session)
            self._unsaved = ""
        except OSError as error:
            if not self._path.exists():
                raise UnavailableError(f"cannot write {self._path}", str(error)) from error
            if not self._unsaved:
                self._trouble(f"{self._path} is not up to date: {error}")
            self._unsaved = str(error)
