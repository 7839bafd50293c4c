"""Where a token keeps what it answers, found by trying the slots that it reads."""

from __future__ import annotations

from typing import Any, Final

from devnet.rpc.backend import Backend

PROBE: Final = 0x1D5A_77E3_0B46
"""Whatever slot makes the token answer this is the one."""
MAX_TRIED: Final = 64


async def slot_of(backend: Backend, token: str, data: bytes) -> tuple[str, int] | None:
    """Return contract and slot of what a call answers; None if no single slot of those it reads decides."""
    call = {"to": token, "data": "0x" + data.hex()}
    listed: Any = await backend.call("eth_createAccessList", call, "latest")
    slots = [
        (str(entry["address"]), str(key)) for entry in listed["accessList"] for key in entry["storageKeys"]
    ]
    for address, key in slots[:MAX_TRIED]:
        override = {address: {"stateDiff": {key: f"0x{PROBE:064x}"}}}
        answer = await backend.call("eth_call", call, "latest", override)
        if str(answer) == f"0x{PROBE:064x}":
            return address, int(key, 16)
    return None
