"""Developer accounts from a mnemonic: BIP-39 seed, BIP-32 keys at m/44'/60'/0'/0/i.

Written out here because importing eth-account costs most of a second and `megaeth devnet up` promises its
first answer sooner than that; only two curve multiplications are needed, the engine turns keys into
addresses. The ten accounts of the well-known test mnemonic are listed, since nearly every start asks for
exactly these.

These keys protect nothing: anyone can derive them. Checking that a phrase is valid English BIP-39 uses eth-
account's word list, read as a file.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from devnet.errors import ConfigError

DEFAULT_MNEMONIC = "test test test test test test test test test test test junk"
HARDENED = 0x8000_0000
ETHEREUM_PATH = (44 + HARDENED, 60 + HARDENED, 0 + HARDENED, 0)
WORD_COUNTS = (12, 15, 18, 21, 24)
SEED_ROUNDS = 2048  # BIP-39

# secp256k1 (SEC 2)
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)

KNOWN_ACCOUNTS = (
    (
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    ),
    (
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    ),
    (
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    ),
    (
        "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    ),
    (
        "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
        "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    ),
    (
        "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
        "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    ),
    (
        "0x976EA74026E726554dB657fA54763abd0C3a0aa9",
        "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    ),
    (
        "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
        "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    ),
    (
        "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f",
        "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    ),
    (
        "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
        "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
    ),
)


class MnemonicError(ConfigError):
    """The phrase is not a BIP-39 mnemonic; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class DevAccount:
    """An account whose key everybody may know."""

    address: str  # with EIP-55 checksum
    key: bytes = field(repr=False)


def derive(mnemonic: str = DEFAULT_MNEMONIC, count: int = 10) -> list[DevAccount]:
    """The first `count` accounts of a mnemonic.

    >>> derive()[0].address
    '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
    """
    phrase = " ".join(unicodedata.normalize("NFKD", mnemonic).lower().split())
    if phrase == DEFAULT_MNEMONIC and count <= len(KNOWN_ACCOUNTS):
        return [DevAccount(address, bytes.fromhex(key)) for address, key in KNOWN_ACCOUNTS[:count]]
    return list(_derived(phrase, count))


@cache
def _derived(phrase: str, count: int) -> tuple[DevAccount, ...]:
    """Each takes a while, and a node asks more than once."""
    check(phrase)
    from devnet import _engine

    return tuple(
        DevAccount(checksummed(_engine.address_of(key), _engine.keccak256), key)
        for key in private_keys(phrase, count)
    )


def check(phrase: str) -> None:
    """Refuses a phrase that a wallet would refuse: word count, words, checksum (BIP-39)."""
    words = phrase.split()
    if len(words) not in WORD_COUNTS:
        raise MnemonicError(f"a mnemonic has 12, 15, 18, 21 or 24 words, not {len(words)}")
    index = {word: i for i, word in enumerate(english_words())}
    for place, word in enumerate(words, 1):
        if word not in index:
            raise MnemonicError(f"word {place} of the mnemonic, {word!r}, is not in the BIP-39 English list")
    bits = 0
    for word in words:
        bits = bits << 11 | index[word]
    checksum_bits = len(words) * 11 // 33
    entropy = (bits >> checksum_bits).to_bytes(checksum_bits * 4, "big")
    if hashlib.sha256(entropy).digest()[0] >> (8 - checksum_bits) != bits & ((1 << checksum_bits) - 1):
        raise MnemonicError("the mnemonic's checksum does not match: a word is wrong or misplaced")


@cache
def english_words() -> tuple[str, ...]:
    """BIP-39's English list from eth-account's data files, without importing eth-account."""
    spec = find_spec("eth_account")
    if spec is None or spec.submodule_search_locations is None:
        raise MnemonicError("eth-account is not installed, so mnemonics can't be checked")
    root = Path(next(iter(spec.submodule_search_locations)))
    return tuple((root / "hdaccount" / "wordlist" / "english.txt").read_text("utf-8").split())


def private_keys(phrase: str, count: int) -> list[bytes]:
    """The keys at m/44'/60'/0'/0/0 and onwards, without any check of the phrase."""
    seed = hashlib.pbkdf2_hmac("sha512", phrase.encode(), b"mnemonic", SEED_ROUNDS)
    master = hmac.new(b"Bitcoin seed", seed, hashlib.sha512).digest()
    key, chain_code = int.from_bytes(master[:32], "big"), master[32:]
    for index in ETHEREUM_PATH:
        key, chain_code = child(key, chain_code, index, point_of(key) if index < HARDENED else b"")
    point = point_of(key)
    return [child(key, chain_code, i, point)[0].to_bytes(32, "big") for i in range(count)]


def child(key: int, chain_code: bytes, index: int, point: bytes) -> tuple[int, bytes]:
    """BIP-32's private child; `point` is the parent's public key, needed below the hardened indices."""
    subject = b"\0" + key.to_bytes(32, "big") if index >= HARDENED else point
    digest = hmac.new(chain_code, subject + index.to_bytes(4, "big"), hashlib.sha512).digest()
    return (int.from_bytes(digest[:32], "big") + key) % N, digest[32:]


def point_of(key: int) -> bytes:
    """The compressed public key of a private key."""
    total: tuple[int, int] | None = None
    addend = G
    while key:
        if key & 1:
            total = addend if total is None else add(total, addend)
        addend = add(addend, addend)
        key >>= 1
    if total is None:
        raise MnemonicError("the key is zero")
    x, y = total
    return bytes([2 + (y & 1)]) + x.to_bytes(32, "big")


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Adds two points that are not each other's negation (never the case in double-and-add below N)."""
    rise, run = (3 * a[0] * a[0], 2 * a[1]) if a == b else (b[1] - a[1], b[0] - a[0])
    slope = rise * pow(run, -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def checksummed(address: bytes, keccak256: Callable[[bytes], bytes]) -> str:
    """EIP-55: a hex digit is a capital where the hash of the lower-case address has a nibble of 8 or more."""
    digits = address.hex()
    hashed = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        c.upper() if nibble >= "8" else c for c, nibble in zip(digits, hashed, strict=False)
    )
