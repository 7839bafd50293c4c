"""Tokens and a market for loads, deployed by transactions, so that any node can be given the same.

The bytecode is that of `contracts/src` in this repository; a test compiles it and compares.
"""

from __future__ import annotations

import json
import random
from functools import cache
from importlib.resources import files
from typing import Final

from devnet._engine import keccak256
from megaeth_cli.load.funder import Call, Funder, send_all
from megaeth_cli.load.senders import Sender

WEI: Final = 10**18
SUPPLY: Final = 10**12
"""Whole tokens."""
HANDED_OUT: Final = 10**6 * WEI
UNLIMITED: Final = 2**256 - 1
CHANCE_SEED: Final = 0
KINDS_OF_CALL: Final = 64
"""Different amounts; they take turns."""


def code(name: str) -> bytes:
    """The creation code of a contract of this repository."""
    return bytes.fromhex(_codes()[name])


def deploy_token(funder: Funder, holders: list[Sender]) -> bytes:
    """A token that every holder has plenty of."""
    name = b"Bench".ljust(32, b"\0")
    token = funder.deploy(code("Token") + words(96, 160, SUPPLY, 5) + name + words(5) + name)
    pay = [Call(token, call("transfer(address,uint256)", one.address, HANDED_OUT)) for one in holders]
    funder.send(pay)
    return token


def deploy_market(funder: Funder, traders: list[Sender]) -> tuple[bytes, bytes, bytes]:
    """Two tokens and a router with a deep pair of them, which all traders trust."""
    first, second = deploy_token(funder, traders), deploy_token(funder, traders)
    router = funder.deploy(code("AmmRouter"))
    trust = call("approve(address,uint256)", router, UNLIMITED)
    funder.send([Call(first, trust), Call(second, trust)])
    amount = SUPPLY // 4 * WEI
    funder.send(
        [Call(router, call("addLiquidity(address,address,uint256,uint256)", first, second, amount, amount))]
    )
    for token in (first, second):
        send_all(funder, [(one, Call(token, trust)) for one in traders])
    return router, first, second


def token_payments(recipients: list[bytes]) -> list[bytes]:
    """Calldata that pays somebody something."""
    chance = random.Random(CHANCE_SEED)
    return [call("transfer(address,uint256)", one, chance.randrange(WEI // 1000, WEI)) for one in recipients]


def swaps(first: bytes, second: bytes) -> list[bytes]:
    """Calldata that sells either token for the other."""
    chance = random.Random(CHANCE_SEED)
    return [
        # The path is the one argument of unknown length: its place, then its length and its words.
        call("swapExactIn(uint256,uint256,address[])", chance.randrange(WEI // 1000, WEI), 0, 96, 2, *path)
        for path in [(first, second), (second, first)] * (KINDS_OF_CALL // 2)
    ]


def call(signature: str, *arguments: int | bytes) -> bytes:
    """A selector and words."""
    return keccak256(signature.encode())[:4] + words(*arguments)


def words(*values: int | bytes) -> bytes:
    """32 bytes each.

    >>> words(1, b"\\x02").hex()[62:66], len(words(1, 2))
    ('0100', 64)
    """
    return b"".join(
        (one if isinstance(one, int) else int.from_bytes(one, "big")).to_bytes(32, "big") for one in values
    )


@cache
def _codes() -> dict[str, str]:
    found: dict[str, str] = json.loads(files(__package__).joinpath("contracts.json").read_text())
    return found
