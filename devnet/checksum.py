"""Addresses in the letter case that tells mistakes (ERC-55)."""

from devnet._engine import keccak256


def checksummed(address: str) -> str:
    """The address, `0x` and 40 hexadecimal digits, in that letter case."""
    digits = address[2:].lower()
    nibbles = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if nibble > "7" else digit for digit, nibble in zip(digits, nibbles, strict=False)
    )
