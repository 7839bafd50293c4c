"""Small things that every contract command needs: hashing, checksummed addresses, amounts of ether."""

from devnet import _engine

UNITS = {
    "wei": 1,
    "kwei": 10**3,
    "mwei": 10**6,
    "gwei": 10**9,
    "szabo": 10**12,
    "finney": 10**15,
    "ether": 10**18,
    "eth": 10**18,
}
WEI_PER_ETHER = UNITS["ether"]


def keccak(data: bytes) -> bytes:
    """Ethereum's hash."""
    return _engine.keccak256(data)


def checksummed(address: bytes) -> str:
    """An address in EIP-55's mixed case."""
    digits = bytes(address).hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(mark, 16) >= 8 else letter for letter, mark in zip(digits, marks, strict=False)
    )


def ether(wei: int) -> str:
    """An amount in ether, exact, without trailing zeroes."""
    sign = "-" if wei < 0 else ""
    whole, part = divmod(abs(wei), WEI_PER_ETHER)
    fraction = f"{part:018d}".rstrip("0")
    return f"{sign}{whole:,}" + (f".{fraction}" if fraction else "")


def quantity(text: str | None) -> int:
    """A JSON-RPC quantity; absent is 0."""
    return int(text, 16) if text else 0
