"""Who may ask a node for what only the devnet's owner may: who knows its token."""

from __future__ import annotations

import hmac

from devnet.rpc.errors import refused


def authorised(token: str, given: list[object]) -> list[object]:
    """The parameters after the token, which comes first."""
    claimed, *rest = given
    if not isinstance(claimed, str) or not hmac.compare_digest(claimed.encode(), token.encode()):
        raise refused("the token is not this devnet's")
    return rest
