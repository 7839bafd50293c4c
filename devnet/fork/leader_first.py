"""The remote as a node asks it that follows: through the node that leads, which keeps what it has read.

So the remote is asked once for all nodes, and what the leader has read is there without it. Where the leader does not
answer, or has no answer, the remote is asked itself: the node may have to lead.
"""

from __future__ import annotations

from collections.abc import Sequence

from devnet.fork.remote import Remote, RemoteFault, RemoteSilentError


class LeaderFirst(Remote):
    """Asks the leader, then the remote."""

    def __init__(self, leader: str, url: str, headers: Sequence[str] = ()) -> None:
        """`leader`: its HTTP endpoint. ConfigError: `url` is no URL, or `headers` are none."""
        super().__init__(url, headers)
        self._leader = Remote(leader, attempts=1)

    def ask(self, method: str, params: str) -> bytes:
        """The result of a method in JSON, for parameters in JSON. Raises RemoteFault, or RemoteSilentError."""
        try:
            return self._leader.ask(method, params)
        except (RemoteFault, RemoteSilentError):
            return super().ask(method, params)

    def close(self) -> None:
        """Hangs up. Nobody may ask any more."""
        self._leader.close()
        super().close()
