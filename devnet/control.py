"""How other processes talk to a running supervisor: one JSON line there, one JSON line back, over loopback.

Only who can read the session file (mode 0600) knows the token. A request holds `token`, `command`, `node` and
`options`; the answer is `{"ok": ...}` or `{"error": {...}}`. The connection of a `stop` stays open until the
supervisor is gone, so that its caller knows the moment.
"""

import hmac
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devnet.errors import NotRunningError, UnavailableError, UserError, user_error
from devnet.session import Session

ACCEPTED_BYTES = 65_536
CALL_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Command:
    """A request of another process, and the way to answer it."""

    command: str
    node: str | None
    reply: Callable[[dict[str, Any]], None]
    options: Mapping[str, Any] = field(default_factory=dict)


class ControlServer:
    """Accepts requests on a loopback port and hands them over with `submit`. One thread each, short-lived."""

    def __init__(self, token: str, submit: Callable[[Command], None]) -> None:
        self._token = token
        self._submit = submit
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(CALL_TIMEOUT_S)
        try:
            with connection.makefile("rb") as lines:
                request = json.loads(lines.readline(ACCEPTED_BYTES))
            if not hmac.compare_digest(str(request["token"]).encode(), self._token.encode()):
                connection.close()
                return
            command = Command(
                str(request["command"]),
                request.get("node"),
                lambda answer: _send(connection, answer),
                dict(request.get("options") or {}),
            )
        except (OSError, ValueError, KeyError, TypeError):
            connection.close()
            return
        self._submit(command)


def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    try:
        connection.sendall(json.dumps(answer).encode() + b"\n")
        if not answer.get("until_gone"):
            connection.close()
    except OSError:
        pass  # the caller has left; it is its own business


def failure(error: UserError) -> dict[str, Any]:
    """An error as an answer."""
    return {"error": error.to_json()}


def ask(session: Session, command: str, node: str | None = None, **options: object) -> dict[str, Any]:
    """Send one command to the supervisor of a session; after `stop` returns only when the supervisor is gone."""
    try:
        with socket.create_connection(("127.0.0.1", session.control_port), CALL_TIMEOUT_S) as connection:
            request = {"token": session.token, "command": command, "node": node, "options": options}
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                text = lines.readline(ACCEPTED_BYTES)
                if not text:
                    raise UnavailableError("the supervisor hung up", f"pid {session.supervisor.pid}")
                answer: dict[str, Any] = json.loads(text)
                if answer.get("until_gone"):
                    lines.read()
    except (ConnectionResetError, BrokenPipeError):
        return {"ok": True}  # it went while we were asking it to go
    except OSError as error:
        raise NotRunningError(
            "the supervisor does not answer", str(error), "megaeth devnet status"
        ) from error
    if "error" in answer:
        raise user_error(answer["error"])
    return answer
