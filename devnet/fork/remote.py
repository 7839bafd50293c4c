"""The node that is forked from: JSON-RPC over HTTP, a request at a time on each connection.

What fails is tried again, later each time; who is told to slow down slows down for all threads. An error that the node
itself answers is passed on as it is.
"""

from __future__ import annotations

import http.client
import json
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Self
from urllib.parse import urlsplit

from devnet.errors import ConfigError, UnavailableError

TIMEOUT_S: Final = 15.0
"""For one answer."""
ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 0.25
MAX_PAUSE_S: Final = 8.0
MAX_ANSWER_BYTES: Final = 128 * 1024 * 1024
TOO_MANY: Final = 429
LIMITED: Final = -32005
"""JSON-RPC's code for a limit that was hit (EIP-1474)."""
SLOW_DOWN: Final = ("rate limit", "too many requests", "compute units", "exceeded its")
"""How public endpoints say so where they have codes of their own."""


Exchange = tuple[http.client.HTTPResponse, bytes]
"""A response's head, and its body."""


class RemoteFault(Exception):
    """An error object that the remote answered."""

    def __init__(self, code: int, message: str, data: bytes | None = None) -> None:
        """`data`: as JSON."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class RemoteSilentError(UnavailableError):
    """The remote gives no answer that can be used."""


class _LimitedError(Exception):
    """The remote wants to be asked less."""

    def __init__(self, told: str, after_s: float | None = None) -> None:
        super().__init__(told)
        self.after_s = after_s


class Remote:
    """Asks one node; from any thread."""

    def __init__(
        self,
        url: str,
        headers: Sequence[str] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
        patience_s: float = math.inf,
        retrying: Callable[[str], object] = lambda _: None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`headers`: `Name: value` each. `patience_s`: after that nothing is tried again. `retrying`: is told why
        something is. ConfigError: that is no URL, or no header."""
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError as error:
            raise _no_url(str(error)) from None
        if parts.scheme not in ("http", "https") or not self._host:
            raise _no_url("a node is reached over http:// or https://")
        self._secure = parts.scheme == "https"
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.name = f"{parts.scheme}://{self._host}" + (f":{self._port}" if self._port else "")
        """Where it is, without what may be a secret."""
        self._headers = {"Content-Type": "application/json", **_headers(headers)}
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._patience_s = patience_s
        self._retrying = retrying
        self._sleep = sleep
        self._idle: deque[http.client.HTTPConnection] = deque()
        """Kept open; any thread takes one."""
        self._resting_until = 0.0

    def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 any JSON value
        """The result of a method, read."""
        return json.loads(self.ask(method, json.dumps(params)))

    def ask(self, method: str, params: str) -> bytes:
        """The result of a method in JSON, for parameters in JSON. Raises RemoteFault, or RemoteSilentError."""
        body = f'{{"jsonrpc":"2.0","id":1,"method":{json.dumps(method)},"params":{params}}}'.encode()
        why = ""
        began = time.monotonic()
        for attempt in range(self._attempts):
            if attempt:
                if time.monotonic() - began > self._patience_s:
                    break
                self._retrying(f"{self.name} does not answer {method} ({why}); asking again")
            self._rest(attempt)
            try:
                return self._result(self._accepted(*self._post(body)))
            except _LimitedError as limited:
                why = str(limited)
                self._slow_down(limited.after_s, attempt)
            except (OSError, http.client.HTTPException) as error:
                why = str(error) or type(error).__name__
        raise RemoteSilentError(
            f"the fork's remote {self.name} does not answer {method}", why, "check --fork-url"
        )

    def _rest(self, attempt: int) -> None:
        pause_s = self._resting_until - time.monotonic()
        if attempt:
            pause_s = max(pause_s, FIRST_PAUSE_S * 2 ** (attempt - 1))
        if pause_s > 0:
            self._sleep(min(pause_s, MAX_PAUSE_S))

    def _slow_down(self, after_s: float | None, attempt: int) -> None:
        pause_s = FIRST_PAUSE_S * 2 ** (attempt + 1) if after_s is None else after_s
        self._resting_until = max(self._resting_until, time.monotonic() + min(pause_s, MAX_PAUSE_S))

    def _post(self, body: bytes) -> Exchange:
        while True:
            try:
                kept = self._idle.pop()
            except IndexError:
                break
            try:
                return self._exchange(kept, body)
            except (OSError, http.client.HTTPException):
                # It may have been closed since: a new one tells.
                continue
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return self._exchange(kind(self._host, self._port, timeout=self._timeout_s), body)

    def close(self) -> None:
        """Hangs up. Nobody may ask any more."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _exchange(self, connection: http.client.HTTPConnection, body: bytes) -> Exchange:
        try:
            connection.request("POST", self._path, body, self._headers)
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER_BYTES + 1)
        except BaseException:
            connection.close()
            raise
        if len(answer) > MAX_ANSWER_BYTES:
            connection.close()
            raise http.client.HTTPException(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        self._idle.append(connection)
        return response, answer

    def _accepted(self, response: http.client.HTTPResponse, answer: bytes) -> bytes:
        if response.status == TOO_MANY:
            raise _LimitedError(_told(response, answer), _seconds(response.getheader("Retry-After")))
        if response.status >= 500:
            raise http.client.HTTPException(_told(response, answer))
        if response.status >= 400 and not answer.lstrip().startswith(b"{"):
            raise RemoteSilentError(f"the fork's remote {self.name} refuses", _told(response, answer))
        return answer

    def _result(self, answer: bytes) -> bytes:
        try:
            members = json.loads(answer)
        except ValueError:
            members = None
        if not isinstance(members, dict) or not ("result" in members or "error" in members):
            raise RemoteSilentError(
                f"the fork's remote {self.name} does not speak JSON-RPC",
                f"it answered {answer[:80].decode(errors='replace')!r}",
            )
        error = members.get("error")
        if error is None:
            return json.dumps(members["result"], separators=(",", ":")).encode()
        if not isinstance(error, dict):
            raise RemoteFault(-32000, str(error))
        code, message = error.get("code"), str(error.get("message", ""))
        if code in (LIMITED, TOO_MANY) or any(words in message.lower() for words in SLOW_DOWN):
            raise _LimitedError(message)
        data = json.dumps(error["data"]).encode() if "data" in error else None
        raise RemoteFault(code if isinstance(code, int) else -32000, message, data)


def _no_url(why: str) -> ConfigError:
    return ConfigError("--fork-url is not a node's URL", why, "for example http://127.0.0.1:8545")


def _headers(lines: Sequence[str]) -> dict[str, str]:
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not line.isprintable():
            raise ConfigError("--fork-header is not a header", "it has to be NAME:VALUE")
        headers[name.strip()] = value.strip()
    return headers


def _told(response: http.client.HTTPResponse, answer: bytes) -> str:
    words = answer[:200].decode(errors="replace").strip()
    return (
        f"{response.status} {response.reason}: {words}" if words else f"{response.status} {response.reason}"
    )


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
