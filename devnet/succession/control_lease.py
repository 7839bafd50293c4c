"""The lease as one machine's candidates have it: the supervisor gives it out, over its control socket.

One connection per question, one JSON line there and one back (`supervision/lease_desk.py` answers).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Final, Self
from urllib.parse import urlsplit

from devnet.succession.lease import TTL_S, LeaseState, LeaseUnavailable

SCHEME: Final = "control"
ANSWER_S: Final = TTL_S
"""Later an answer is of no use to who holds it."""
LONGEST_WATCH_S: Final = 10.0
"""The supervisor answers a `watch` within half of that."""
LONGEST_ANSWER: Final = 65_536


class ControlLease:
    """One node's end of the supervisor's lease (`Lease`)."""

    def __init__(self, host: str, port: int, token: str, node: str) -> None:
        self._host = host
        self._port = port
        self._token = token
        self._node = node

    @classmethod
    def of(cls, address: str, token: str, node: str) -> Self:
        """From the text of `NetworkPlace.lease`, `control://HOST:PORT`; ValueError if it is another's."""
        parts = urlsplit(address)
        if parts.scheme != SCHEME or parts.hostname is None or parts.port is None:
            raise ValueError(f"no address of a supervisor: {address}")
        return cls(parts.hostname, parts.port, token, node)

    async def acquire(self, node: str, above: int = 0) -> int | None:
        """A new term, if it is free."""
        term = await self._ask("lease-acquire", node, ANSWER_S, "term", above=above)
        return int(term) if term is not None else None

    async def renew(self, node: str, term: int, value: bytes, in_sync: tuple[str, ...] = ()) -> bool:
        """For another `TTL_S`."""
        told = {"term": term, "value": value.hex(), "in_sync": in_sync}
        return bool(await self._ask("lease-renew", node, ANSWER_S, "renewed", **told))

    async def release(self, node: str, term: int, to: str = "") -> bool:
        """Gives it back."""
        return bool(await self._ask("lease-release", node, ANSWER_S, "released", term=term, to=to))

    async def watch(self, term: int) -> LeaseState:
        """Waits for news, some seconds at most."""
        answer = await self._answer("lease-watch", self._node, LONGEST_WATCH_S, {"term": term})
        try:
            value, in_sync = bytes.fromhex(answer["value"]), tuple(map(str, answer["in_sync"]))
            term, holder, is_free = int(answer["term"]), str(answer["holder"]), bool(answer["is_free"])
            return LeaseState(term, holder, is_free, value, in_sync)
        except (KeyError, ValueError, TypeError) as error:
            raise LeaseUnavailable(f"the supervisor's answer is none: {error!r}") from None

    async def _ask(self, command: str, node: str, timeout_s: float, member: str, **options: object) -> Any:  # noqa: ANN401
        answer = await self._answer(command, node, timeout_s, options)
        if member not in answer:
            raise LeaseUnavailable(f"the supervisor's answer has no {member}")
        return answer[member]

    async def _answer(
        self, command: str, node: str, timeout_s: float, options: dict[str, object]
    ) -> dict[str, Any]:
        request = {"token": self._token, "command": command, "node": node, "options": options}
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._exchange(json.dumps(request).encode() + b"\n")
            answer = json.loads(line)
        except TimeoutError:
            raise LeaseUnavailable(f"the supervisor has not answered for {timeout_s:g} s") from None
        except (OSError, ValueError) as error:
            raise LeaseUnavailable(f"the supervisor does not answer: {error}") from None
        if not isinstance(answer, dict) or "error" in answer:
            raise LeaseUnavailable(f"the supervisor refuses: {line.decode(errors='replace').strip()}")
        return answer

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=LONGEST_ANSWER)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.readline()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
