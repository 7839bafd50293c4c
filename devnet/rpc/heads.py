"""Request heads that have been seen before: what was read and judged once need not be read again.

Clients repeat themselves: nearly every request of a program has the same head, byte for byte, and where it differs,
it is in the body's length. A head that the parser and the access policy have accepted as a plain JSON-RPC POST on a
connection that goes on is remembered with the length of its body; a request that begins with the very same bytes
can mean nothing else.

Not here: reading heads that are new (`http.py`).
"""

from __future__ import annotations

from typing import Final

HEAD_END: Final = b"\r\n\r\n"
MAX_HEADS: Final = 4_096
MAX_HEAD_BYTES: Final = 1_024
"""Longer ones (cookies, tokens) are read anew each time."""


class KnownHeads:
    """The heads that one server has seen, with the length of the body that each announces."""

    def __init__(self) -> None:
        self._lengths: dict[bytes, int] = {}
        self.length_after = self._lengths.get
        """The body's length after a head, which includes the empty line; None for an unknown head."""

    def learn(self, message: bytes, length: int) -> None:
        """Remember the head of a whole message whose body is of this length."""
        head = message[: len(message) - length]
        # Elsewhere than at its end, an empty line means that the parser was more lenient than we are.
        if len(head) > MAX_HEAD_BYTES or message.find(HEAD_END) != len(head) - len(HEAD_END):
            return
        if len(self._lengths) >= MAX_HEADS:
            self._lengths.clear()
        self._lengths[head] = length
