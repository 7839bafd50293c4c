"""`eth_callAfter`: a call that waits until an account has come to a nonce, so that who has just sent sees the outcome.

Not here: the call itself, which is the engine's.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import orjson

from devnet.rpc import params
from devnet.rpc.backend import Backend
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params, refused
from devnet.rpc.methods import method

DEFAULT_TIMEOUT_MS: Final = 3_000
MAX_TIMEOUT_MS: Final = 60_000
BETWEEN_LOOKS_S: Final = 0.01
"""As long as a mini-block lasts by default."""
EXPIRED: Final = "Timeout: timeout waiting for nonce condition"


class CallAfterNamespace:
    """Calls after somebody's transactions."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @method(
        "eth_callAfter",
        *("call", "nonce condition", "state overrides?", "block overrides?"),
        about="What a call returns as soon as an account has that nonce; nothing is changed.",
    )
    async def call_after(self, given: list[object], call: Call) -> bytes:
        """Wait for the nonce, then call."""
        request, condition, *overrides = given
        account, nonce, timeout_ms = _condition(condition)
        until = time.monotonic() + timeout_ms / 1000
        while await self._nonce(account) < nonce:
            if time.monotonic() >= until:
                raise refused(EXPIRED)
            await asyncio.sleep(BETWEEN_LOOKS_S)
        return orjson.dumps(await self._backend.call("eth_call", request, "latest", *overrides))

    async def _nonce(self, account: str) -> int:
        return int(str(await self._backend.call("eth_getTransactionCount", account, "latest")), 16)


def _condition(condition: object) -> tuple[str, int, int]:
    """Account, nonce, and for how many milliseconds it may be waited for. Raises `RpcFault`."""
    if not isinstance(condition, dict):
        raise invalid_params("nonce condition must be an object with account and nonce")
    unknown = condition.keys() - {"account", "nonce", "timeout"}
    if unknown:
        raise invalid_params(f"nonce condition: unknown member {min(map(str, unknown))!r}")
    account = params.address(condition.get("account"), "account")
    nonce = params.amount(condition.get("nonce"), "nonce")
    timeout_ms = params.amount(condition.get("timeout", DEFAULT_TIMEOUT_MS), "timeout")
    if timeout_ms > MAX_TIMEOUT_MS:
        raise invalid_params(f"timeout: {timeout_ms} ms are too long, {MAX_TIMEOUT_MS} at most")
    return account, nonce, timeout_ms
