"""What the generator knows and makes: chance, accounts, nonces, signed transactions. Talks to nobody.

Whatever a kind needs comes from here, in an order that only the seed decides, so that a seed gives the same bytes.
"""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from devnet._engine import address_of, keccak256, sign_hash, sign_transaction
from devnet.genesis import DEFAULT_MNEMONIC, derive
from tests.torture.chain.contracts import PLACES

CHAIN_ID: Final = 6343
SENDERS: Final = 24
GAS: Final = 400_000_000
"""Of a transaction that shall not run out of it, in crowded buckets either; what isn't used costs nothing."""
FEE_CAP_WEI: Final = 3_000_000
BASE_FEE_WEI: Final = 1_000_000

SUCCESS: Final = "success"
REVERT: Final = "revert"
REFUSED: Final = "refused"
"""At the door: it never gets into a block."""
OUT_OF_GAS: Final = "OutOfGas"
DATA, DETAINED = "DataLimitExceeded", "VolatileDataAccessOutOfGas"
"""Kinds of halts, as receipts name them."""


@dataclass(frozen=True)
class Sending:
    """One transaction, and what should become of it."""

    expected: str
    """SUCCESS, REVERT, REFUSED, or how the name of the halt begins."""
    raw: str = ""
    """Signed; empty for a deposit."""
    hash: str = ""
    """A deposit's is only known when it is in."""
    deposit: dict[str, Any] | None = None
    """`mega_depositTransaction`'s parameter."""
    sees: tuple[bytes, ...] = ()
    """What must stand somewhere in its logs' data and output."""
    kind: str = ""


@dataclass
class Account:
    """Whose key is known, and its next nonce."""

    key: bytes = field(repr=False)
    nonce: int = 0

    def __post_init__(self) -> None:
        self.address = "0x" + address_of(self.key).hex()


class World:
    """From one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.senders = [Account(account.key) for account in derive(DEFAULT_MNEMONIC, SENDERS)]
        self.written: list[tuple[int, int]] = []
        """Ranges of slots that the contract `store` has: first, how many."""
        self._fresh_slot = 1

    # --- chance ---

    def sender(self) -> Account:
        return self.chance.choice(self.senders)

    def account(self) -> Account:
        """A new one, without anything."""
        return Account(self.chance.randbytes(32))

    def address(self) -> str:
        """Of nobody."""
        return "0x" + self.chance.randbytes(20).hex()

    def slots(self, count: int) -> int:
        """The first of so many slots of `store` that nobody has used."""
        first, self._fresh_slot = self._fresh_slot, self._fresh_slot + count
        return first

    # --- transactions ---

    def send(
        self,
        sender: Account,
        to: str | None,
        data: bytes = b"",
        *,
        value: int = 0,
        gas: int = GAS,
        type: int | None = None,
        expected: str = SUCCESS,
        sees: tuple[bytes, ...] = (),
        nonce: int | None = None,
        access: list[dict[str, Any]] | None = None,
        authorizations: list[dict[str, str]] | None = None,
        **more: str,
    ) -> Sending:
        """Signed with the sender's next nonce, unless one is given or it is to be refused. `to`: an address, a name of
        `contracts.CONTRACTS`, or None to create. `more`: fields as they shall be."""
        if type is None:
            type = 4 if authorizations is not None else self.chance.choice((0, 1, 2, 2, 2))
        if nonce is None:
            nonce = sender.nonce
            sender.nonce += expected != REFUSED
        fields: dict[str, Any] = {
            "type": hex(type),
            "chainId": hex(CHAIN_ID),
            "nonce": hex(nonce),
            "gas": hex(gas),
            "value": hex(value),
            "input": "0x" + data.hex(),
        }
        if to is not None:
            fields["to"] = PLACES.get(to, to)
        if type < 2:
            fields["gasPrice"] = hex(BASE_FEE_WEI + self.chance.randrange(1000))
        else:
            fields["maxFeePerGas"] = hex(FEE_CAP_WEI)
            fields["maxPriorityFeePerGas"] = hex(self.chance.randrange(1000))
        if type and access is not None:
            fields["accessList"] = access
        if authorizations is not None:
            fields["authorizationList"] = authorizations
        raw, digest = sign_transaction(sender.key, json.dumps({**fields, **more}).encode())
        return Sending(expected, "0x" + raw.hex(), "0x" + digest.hex(), sees=sees)

    def deposit(
        self,
        to: str | None,
        data: bytes = b"",
        *,
        sender: str | None = None,
        value: int = 0,
        mint: int | None = None,
        gas: int = GAS,
        expected: str = SUCCESS,
        sees: tuple[bytes, ...] = (),
    ) -> Sending:
        """Forced in; the sender needs no key and is somebody new by default. By default it mints what it sends."""
        asked = {
            "from": PLACES.get(sender, sender) if sender else self.address(),
            "value": hex(value),
            "mint": hex(value if mint is None else mint),
            "gas": hex(gas),
            "data": "0x" + data.hex(),
        }
        if to is not None:
            asked["to"] = PLACES.get(to, to)
        return Sending(expected, deposit=asked, sees=sees)

    def authorize(
        self, authority: Account, delegate: str, *, nonce: int | None = None, chain_id: int = CHAIN_ID
    ) -> dict[str, str]:
        """An authorization (EIP-7702). Without a nonce it is the valid one, and counts."""
        import rlp

        if nonce is None:
            nonce, authority.nonce = authority.nonce, authority.nonce + 1
        delegate = PLACES.get(delegate, delegate)
        digest = keccak256(b"\x05" + rlp.encode([chain_id, bytes.fromhex(delegate[2:]), nonce]))
        signature = sign_hash(authority.key, digest)
        return {
            "chainId": hex(chain_id),
            "address": delegate,
            "nonce": hex(nonce),
            "yParity": hex(signature[64]),
            "r": hex(int.from_bytes(signature[:32], "big")),
            "s": hex(int.from_bytes(signature[32:64], "big")),
        }
