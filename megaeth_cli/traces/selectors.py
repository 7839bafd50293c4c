"""Functions by their first four bytes, for contracts that nobody knows: from a file, and from every ABI at hand."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from megaeth_cli.abi import AbiTypeError, DecodingError, Entry, Interface, parse_signature
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.known import standing_interfaces
from megaeth_cli.inspect.well_known import well_known

FILE = "selectors.txt"
"""Below the home of this program: read wherever `--selectors` is not given."""


class Selectors:
    """Looks functions up by selector."""

    def __init__(self, interfaces: Iterable[Interface]) -> None:
        self._functions: dict[bytes, list[Entry]] = {}
        for interface in interfaces:
            for entry in interface.entries:
                if entry.kind == "function":
                    known = self._functions.setdefault(entry.selector, [])
                    if all(one.signature != entry.signature for one in known):
                        known.append(entry)

    def decode(self, data: bytes) -> tuple[Entry, list[Any]] | None:
        """The first function that such calldata can be of, and its arguments."""
        for entry in self._functions.get(data[:4], ()):
            try:
                return entry, entry.decode_inputs(data)
            except DecodingError:
                continue
        return None


def at_hand(network: Network, file: Path | None) -> Selectors:
    """The file's, or of the one that is always read, then those of all contracts that are known here."""
    return Selectors(_interfaces(network, file))


def _interfaces(network: Network, file: Path | None) -> Iterator[Interface]:
    standard = network.env.paths.home / FILE
    if file is not None:
        yield of_file(network.env.cwd / file.expanduser())
    elif standard.is_file():
        yield of_file(standard)
    for artifact in network.artifacts.all():
        yield artifact.interface
    yield well_known()
    yield from standing_interfaces()


def of_file(path: Path) -> Interface:
    """Signatures, one a line, or a JSON object whose values are signatures (by selector); CliError for other text."""
    try:
        text = path.read_text()
        lines = json.loads(text).values() if text.lstrip().startswith("{") else text.splitlines()
        interface = Interface([])
        wanted = (str(line).partition("#")[0].strip() for line in lines)
        interface.entries = [parse_signature(line) for line in wanted if line]
    except (OSError, ValueError, AbiTypeError) as error:
        raise CliError(
            f"{path} holds no signatures",
            str(error),
            "one function a line, for example transfer(address,uint256)",
            ExitStatus.USAGE,
        ) from None
    return interface
