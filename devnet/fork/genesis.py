"""The genesis document of a forked chain: where it goes on, and the little that is written over it from the start."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from devnet import _engine
from devnet.fork.point import ForkPoint
from devnet.fork.remote import RemoteSilentError
from devnet.fork.side_by_side import side_by_side
from devnet.genesis import DevAccount, predeploys

Ask = Callable[[str, str], bytes]
"""A method and its parameters in JSON: the result in JSON. From any thread."""

ETHEREUM = "equivalence"
_QUANTITY: Final = re.compile(r"0x[0-9a-fA-F]{1,16}")


def fork_genesis(
    point: ForkPoint,
    accounts: Iterable[DevAccount],
    balance_wei: int,
    extra: Mapping[str, Mapping[str, Any]],
    ask: Ask,
    *,
    spec: str,
    crowded: Mapping[int, int],
) -> dict[str, Any]:
    """The developer accounts, funded, with the nonces that they have on the remote, and without code that others may
    have given them there (EIP-7702). Under MegaETH's rules also what those take, predeploys where the remote has
    nothing, and how many slots its `crowded` buckets have. A user's allocation wins.
    """
    block = hex(point.number)
    added = predeploys() if spec != ETHEREUM else {}
    funded = [account.address.lower() for account in accounts]

    def read(question: tuple[str, str]) -> str:
        method, address = question
        return str(json.loads(ask(method, json.dumps([address, block]))))

    codes = [("eth_getCode", address) for address in added]
    nonces = [("eth_getTransactionCount", address) for address in funded]
    told = iter(side_by_side(read, [*codes, *nonces]))
    alloc: dict[str, dict[str, Any]] = {
        address: dict(account)
        for (address, account), code in zip(added.items(), told, strict=False)
        if code == "0x"
    }
    if spec != ETHEREUM:
        alloc |= json.loads(_engine.system_alloc(spec))
    for address, nonce in zip(funded, told, strict=True):
        if not _QUANTITY.fullmatch(nonce):
            raise RemoteSilentError(
                "the fork's remote answers garbage", f"eth_getTransactionCount gave {nonce[:80]!r}"
            )
        alloc[address] = {"balance": hex(balance_wei), "nonce": nonce}
    for address, entry in extra.items():
        alloc[address] = {**alloc.get(address, {}), **entry}
    # The first block here follows the one that is shared.
    return {
        "timestamp": point.timestamp + 1,
        "alloc": dict(sorted(alloc.items())),
        "bucket_capacities": {str(bucket): slots for bucket, slots in crowded.items()},
        "fork": point.document(),
    }
