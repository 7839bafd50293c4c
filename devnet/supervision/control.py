"""How other processes talk to a running supervisor: one JSON line there, one JSON line back, over loopback.

Only who can read the session file (mode 0600) knows the token. A request holds `token`, `command`, `node` and
`options`; the answer is `{"ok": ...}` or `{"error": {...}}`. The connection of a `stop` stays open until the
supervisor is gone, so that its caller knows the moment.

Anybody on the machine may connect. Who has not shown the token costs a descriptor for a few seconds at most, and there
are few of those: of more, the oldest has to go.
"""

import contextlib
import hmac
import json
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from devnet.errors import NotRunningError, UnavailableError, UserError, user_error
from devnet.session import Session
from devnet.threads import OnDeath, start_thread

ACCEPTED_BYTES = 65_536
CALL_TIMEOUT_S = 60.0
STOP_HEARD_S = 5.0
"""For the supervisor to say that it will stop; it has nothing to do that takes longer."""
GONE_S = 15.0
"""For its nodes to end, who are killed after two seconds, and to clean up."""
REPLY_TIMEOUT_S = 5.0
MAX_STRANGERS = 64
"""Connections that have not shown the token."""
STRANGER_S = 5.0
TICK_S = 0.5
"""How often old strangers are looked for; also how long to wait when the system has no more descriptors."""


@dataclass(frozen=True)
class Command:
    """A request of another process, and the way to answer it."""

    command: str
    node: str | None
    reply: Callable[[dict[str, Any]], None]
    options: Mapping[str, Any] = field(default_factory=dict)


class Desk(Protocol):
    """Answers some commands in the server's own thread, at once or later."""

    def obey(self, command: Command) -> bool:
        """Whether the command is one of those. Takes no time."""

    def tick(self) -> float:
        """Give late answers; seconds until there may be one again."""


@dataclass(eq=False)
class _Stranger:
    """A connection that has not shown the token yet."""

    connection: socket.socket
    since: float
    said: bytes = b""


class ControlServer:
    """Accepts requests on a loopback port and hands them over: to the desk, if it is for them, else with `submit`. One
    thread for all of them."""

    HOST: Final = "127.0.0.1"

    def __init__(
        self, token: str, submit: Callable[[Command], None], died: OnDeath, desk: Desk | None = None
    ) -> None:
        self._token = token
        self._submit = submit
        self._desk = desk
        self._strangers: dict[_Stranger, None] = {}
        """The oldest first."""
        self._closed = False
        self._socket = socket.create_server((self.HOST, 0), backlog=MAX_STRANGERS)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        start_thread(self._serve, "control", died)

    def close(self) -> None:
        """Stop listening."""
        self._closed = True
        self._socket.close()

    def _serve(self) -> None:
        while not self._closed:
            patience_s = TICK_S if self._desk is None else min(TICK_S, self._desk.tick())
            for key, _ in self._selector.select(patience_s):
                if isinstance(key.data, _Stranger):
                    self._listen_to(key.data)
                else:
                    self._accept()
            limit = time.monotonic() - STRANGER_S
            for stranger in [each for each in self._strangers if each.since < limit]:
                self._hang_up(stranger)

    def _accept(self) -> None:
        """One of those who wait; the others' words come first."""
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return
        except OSError:
            if not self._closed:
                time.sleep(TICK_S)  # no more descriptors: those that are here go in time
            return
        connection.setblocking(False)
        if len(self._strangers) >= MAX_STRANGERS:
            self._hang_up(next(iter(self._strangers)))
        stranger = _Stranger(connection, time.monotonic())
        self._strangers[stranger] = None
        self._selector.register(connection, selectors.EVENT_READ, stranger)

    def _listen_to(self, stranger: _Stranger) -> None:
        if stranger not in self._strangers:
            return  # it had to go for a newer one
        try:
            said = stranger.connection.recv(ACCEPTED_BYTES)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        stranger.said += said
        line, end, _ = stranger.said.partition(b"\n")
        if end:
            self._obey(stranger, line)
        elif not said or len(stranger.said) >= ACCEPTED_BYTES:
            self._hang_up(stranger)

    def _obey(self, stranger: _Stranger, line: bytes) -> None:
        connection = stranger.connection
        try:
            request = json.loads(line)
            if not hmac.compare_digest(str(request["token"]).encode(), self._token.encode()):
                self._hang_up(stranger)
                return
            command = Command(
                str(request["command"]),
                request.get("node"),
                lambda answer: _send(connection, answer),
                dict(request.get("options") or {}),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._hang_up(stranger)
            return
        self._forget(stranger)
        connection.settimeout(REPLY_TIMEOUT_S)
        if self._desk is None or not self._desk.obey(command):
            self._submit(command)

    def _hang_up(self, stranger: _Stranger) -> None:
        self._forget(stranger)
        stranger.connection.close()

    def _forget(self, stranger: _Stranger) -> None:
        del self._strangers[stranger]
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(stranger.connection)


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
    """Send one command to the supervisor of a session; after `stop` returns only when the supervisor is gone, with
    `undone`, what nodes could not do before they ended."""
    try:
        with socket.create_connection(
            (ControlServer.HOST, session.control_port), CALL_TIMEOUT_S
        ) as connection:
            request = {"token": session.token, "command": command, "node": node, "options": options}
            if command == "stop":
                connection.settimeout(STOP_HEARD_S)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                text = lines.readline(ACCEPTED_BYTES)
                if not text:
                    raise UnavailableError("the supervisor hung up", f"pid {session.supervisor.pid}")
                answer: dict[str, Any] = json.loads(text)
                if answer.get("until_gone"):
                    connection.settimeout(GONE_S + answer.get("longer_s", 0.0))
                    answer |= _last_word(lines.read())
    except OSError as error:
        if command == "stop" and isinstance(error, (ConnectionResetError, BrokenPipeError)):
            return {"ok": True}  # it went while we were asking it to go
        raise NotRunningError(
            "the supervisor does not answer", str(error), "megaeth devnet status"
        ) from error
    if "error" in answer:
        raise user_error(answer["error"])
    return answer


def _last_word(said: bytes) -> dict[str, Any]:
    """What a supervisor says when all its nodes are gone; nothing if it went without."""
    line, end, _ = said.partition(b"\n")
    return dict(json.loads(line)) if end else {}
