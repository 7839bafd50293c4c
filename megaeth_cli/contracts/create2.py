"""Addresses that depend on code and salt only: CREATE2 through the factory that every chain has."""

from typing import Final

from megaeth_cli.abi import ValueTextError, from_text, parse_type
from megaeth_cli.abi.values import hex_bytes
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.units import checksummed, keccak

FACTORY: Final = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
"""The deterministic deployer (github.com/Arachnid/deterministic-deployment-proxy): calldata is salt, then code."""
SALT_BYTES: Final = 32


def at_salt(network: Network, name: str, code: bytes, text: str) -> tuple[bytes, bytes]:
    """Where creation code comes to be with a salt, as it was typed, and the factory's calldata for that.

    CliError where the chain has no factory, or the contract already.
    """
    salt = read_salt(text)
    address = keccak(b"\xff" + FACTORY + salt + keccak(code))[12:]
    factory, there = network.node.batch(
        [("eth_getCode", [f"0x{FACTORY.hex()}", "latest"]), ("eth_getCode", [f"0x{address.hex()}", "latest"])]
    )
    if factory == "0x":
        raise CliError(
            "--create2 needs the deterministic deployer",
            f"there is no code at {checksummed(FACTORY)} on this chain",
            "deploy without --create2",
        )
    if there != "0x":
        raise CliError(
            f"{name} is already at {checksummed(address)}",
            "the same code and salt give the same address",
            "choose another salt",
        )
    return address, salt + code


def read_salt(text: str) -> bytes:
    """Hex, padded on the left; a decimal number; or the hash of any other text."""
    if text[:2] in ("0x", "0X"):
        try:
            raw = hex_bytes(text)
        except ValueTextError as error:
            raise CliError(f"--create2: {error}", status=ExitStatus.USAGE) from None
        if len(raw) > SALT_BYTES:
            raise CliError(
                f"--create2: {len(raw)} bytes; a salt has {SALT_BYTES} at most", status=ExitStatus.USAGE
            )
        return raw.rjust(SALT_BYTES, b"\0")
    if text.isdigit():
        number: int = from_text(parse_type("uint256"), text)
        return number.to_bytes(SALT_BYTES, "big")
    return keccak(text.encode())
