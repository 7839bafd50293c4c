"""Blocks of networks that nobody has published a schedule of: recorded in October and November 2025, while the rules
were still being made. Keyed by the hash of the first block that has a witness."""

from __future__ import annotations

from typing import Any, Final

MINI_REX: Final = {"chainId": 6342, "spec": "mini-rex"}
RULES: Final[dict[str, dict[str, Any]]] = {
    # 760 to 780, and 160 to 180 of another network under the same number.
    "0xa952044d9dfe4cb7f78928ce07184fcdec9f92af059c3a0ed32e243319ebe3f3": MINI_REX,
    "0x7d2018665f75e12e83a7e335efbc85d33fb97d31e38c77d79f127a138a60415e": MINI_REX,
}
"""What their blocks turn out to follow, on a chain that began with these rules."""

UNFINISHED: Final = "blocks made by an EVM from before MiniRex was finished"
LEFT_OUT: Final[dict[str, str]] = {
    # 710 to 730, 1620 to 1640, 580 to 600, 1040 to 1060
    "0x59839007180a66a289fa674c0789ad62e66d464e808791371dcb35599149bb67": UNFINISHED,
    "0x0fc95c1c76dd8a3b4a23562148c0f7a97fa6c80cd4f680bf46da80031b5fa703": UNFINISHED,
    "0x4a32ee601d2d50029e52b4f461e89cf4800cfc36bd022fc28cec9164299d15f7": UNFINISHED,
    "0xc97f9d968dac140b5a7bd949ee448a02e0756bd144e1a016876941b79877843c": UNFINISHED,
}
"""Neither under MiniRex nor under Ethereum's rules or Rex do they give what they claim."""
OLDER_ENCODING: Final = "a witness in an encoding from before November 2025"
