"""Which libraries a contract's creation code needs, and putting their addresses in.

The compiler lists the places; files that keep only the hex have placeholders, which are a library's name (before
Solidity 0.5) or the hash of `path:Name`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain

from megaeth_cli.bytecode.runtime_code import PLACEHOLDER
from megaeth_cli.compile import Compilation, Contract
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.units import checksummed, keccak


@dataclass(frozen=True)
class Library:
    """One that a contract needs."""

    name: str
    """Without its file; of a hash that nobody knows, the placeholder."""
    unit: str
    """The compiler's name of its file; empty where that is not known."""
    places: tuple[int, ...]
    """Where its address goes, in bytes from the start."""

    @property
    def full_name(self) -> str:
        """`path:Name` as far as known."""
        return f"{self.unit}:{self.name}" if self.unit else self.name


def libraries(contract: Contract, known: Iterable[str] = ()) -> list[Library]:
    """What a contract links; `known` are full names that a placeholder's hash may be of."""
    if contract.links:
        return [
            Library(name, unit, tuple(one["start"] for one in places))
            for unit, names in contract.links.items()
            for name, places in names.items()
        ]
    names = {keccak(name.encode()).hex()[:34]: name for name in known}
    places: dict[str, list[int]] = {}
    for found in PLACEHOLDER.finditer(contract.bytecode):
        places.setdefault(found[0], []).append(found.start() // 2)
    return [_by_placeholder(text, names, tuple(starts)) for text, starts in places.items()]


def linked(contract: Contract, needed: Iterable[Library], address_of: Callable[[Library], bytes]) -> bytes:
    """Creation code with addresses in the places of libraries."""
    code = bytearray.fromhex(PLACEHOLDER.sub("00" * 20, contract.bytecode))
    for library in needed:
        address = address_of(library)
        for start in library.places:
            code[start : start + len(address)] = address
    return bytes(code)


def require_code(contract: Contract) -> None:
    """CliError for what has none."""
    if not contract.bytecode:
        raise CliError(
            f"{contract.name} cannot be deployed",
            "it is abstract or an interface",
            "name a contract that inherits from it",
            ExitStatus.COMPILE,
        )


def link(
    network: Network, contract: Contract, compilation: Compilation, given: list[str], source: str = ""
) -> tuple[bytes, dict[str, str]]:
    """The creation code, with addresses in the places of libraries; and these addresses by the libraries' names.

    `given` are the command line's `NAME=ADDRESS`; libraries that it leaves out are known by name, or a CliError.
    `source` is the contract's own file and name as they were typed.
    """
    require_code(contract)
    places = dict(_library(network, text) for text in given)
    by_hash = chain(
        (name for name in places if ":" in name),
        (one.full_name for one in compilation.contracts),
        (one.full_name for one in network.artifacts.all()),
    )
    needed = libraries(contract, by_hash)
    names = {name for one in needed for name in (one.name, one.full_name)}
    for name in places:
        if name not in names:
            raise _not_linked(contract, name, [one.name for one in needed])

    def address_of(library: Library) -> bytes:
        found = places.get(library.full_name) or places.get(library.name) or network.resolve(library.name)
        if found is None:
            raise CliError(
                f"{contract.name} needs the library {library.name}",
                "its address is not known",
                f"megaeth deploy {_typed(library, source)}   first, or --library {library.full_name}=0x...",
                ExitStatus.USAGE,
            )
        return found

    chosen = {one: address_of(one) for one in needed}
    shown = {one.full_name: checksummed(address) for one, address in chosen.items()}
    return linked(contract, needed, chosen.__getitem__), shown


def _typed(library: Library, source: str) -> str:
    """How a library is named to be deployed: in the file that was typed, if that is the one it is in."""
    path, _, _ = source.rpartition(":") if ":" in source else (source, "", "")
    return f"{path}:{library.name}" if path.endswith(library.unit) and library.unit else library.full_name


def _library(network: Network, text: str) -> tuple[str, bytes]:
    name, equals, where = text.partition("=")
    if not equals:
        raise CliError(f"--library {text}: write NAME=ADDRESS", status=ExitStatus.USAGE)
    return name, network.address(where, f"--library {name}")


def _not_linked(contract: Contract, name: str, libraries: list[str]) -> CliError:
    close = get_close_matches(name, libraries, 1)
    return CliError(
        f"--library {name}: {contract.name} links no such library",
        f"it links {', '.join(libraries) or 'none'}",
        f"did you mean {close[0]}?" if close else "",
        ExitStatus.USAGE,
    )


def _by_placeholder(text: str, names: Mapping[str, str], places: tuple[int, ...]) -> Library:
    if text.startswith("__$"):
        unit, _, name = names.get(text[3:37], "").rpartition(":")
        return Library(name or text, unit, places)
    unit, _, name = text.strip("_").rpartition(":")
    return Library(name, unit, places)
