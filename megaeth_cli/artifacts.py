"""What is known about deployed contracts, so that later commands know them by name.

One JSON file per deployment, kept with the chain's data; for a chain that is not a local devnet, by chain id in the
user's data directory. Contracts that were compiled along with a deployed one are kept by their code, so that those
that a factory makes are known as well; sources once per compilation. Written by `megaeth deploy`, read by everything
else.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from megaeth_cli.abi import Interface
from megaeth_cli.errors import CliError
from megaeth_cli.source_map import Line, SourceMaps
from megaeth_cli.units import checksummed, keccak

VERSION = 1

T = TypeVar("T")


@dataclass(frozen=True)
class Artifact:
    """One deployed contract."""

    name: str
    unit: str
    """The compiler's name of its source file."""
    address: str
    transaction: str
    deployer: str
    compiler: str
    source_hash: str
    abi: list[dict[str, Any]]
    bytecode: str
    """Creation code without constructor arguments."""
    constructor_arguments: str = "0x"
    layout: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def interface(self) -> Interface:
        """The ABI, indexed."""
        return Interface(self.abi)

    @property
    def raw_address(self) -> bytes:
        """The address as bytes."""
        return bytes.fromhex(self.address[2:])


class ArtifactStore:
    """The artifacts of one chain."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def save(self, artifact: Artifact) -> Path:
        """Keep an artifact; its name now means this deployment."""
        body = _encoded(artifact)
        path = self._by_address(artifact.address)
        try:
            for target in (path, self._by_name(artifact.name)):
                _replace(target, body)
        except OSError as error:
            raise CliError(
                f"{artifact.name} is deployed at {artifact.address}, but its artifact could not be kept",
                f"{error.filename or self.directory}: {error.strerror or error}",
                "use the address instead of the name",
            ) from None
        return path

    def save_code(self, template: Artifact, runtime: str) -> None:
        """Keep a contract that is not deployed itself but may be by another; best effort."""
        try:
            _replace(self._by_code(fingerprint(bytes.fromhex(runtime))), _encoded(template))
        except (OSError, ValueError):
            # Code with unlinked libraries is not hex; a full disk costs names, not results.
            return

    def save_sources(self, source_hash: str, maps: SourceMaps) -> None:
        """Keep the sources of a compilation, and which lines its code comes from; best effort."""
        with contextlib.suppress(OSError):
            _replace(self._by_source(source_hash), json.dumps({"version": VERSION, **maps.to_json()}))

    def lines(self, artifact: Artifact, runtime: bytes) -> dict[int, Line]:
        """The source line of each of a contract's instructions, by pc; empty where that is not known."""
        maps = _read(self._by_source(artifact.source_hash), lambda fields: SourceMaps(**fields))
        return maps.lines(f"{artifact.unit}:{artifact.name}", runtime) if maps is not None else {}

    def adopt(self, address: bytes, code: bytes) -> Artifact | None:
        """Know the contract at an address by its code, from now on."""
        template = _load(self._by_code(fingerprint(code)))
        if template is None:
            return None
        artifact = replace(template, address=checksummed(address), transaction="", deployer="")
        _replace(self._by_address(artifact.address), _encoded(artifact))
        return artifact

    @property
    def knows_code(self) -> bool:
        """Whether `adopt` may find anything."""
        return (self.directory / "by-code").is_dir()

    def named(self, name: str) -> Artifact | None:
        """The newest deployment with that name."""
        # A name comes from the command line: it must not lead out of the directory.
        return _load(self._by_name(name)) if name.replace("$", "_").isidentifier() else None

    def at(self, address: str | bytes) -> Artifact | None:
        """The contract that was deployed to an address."""
        return _load(self._by_address(address if isinstance(address, str) else f"0x{address.hex()}"))

    def all(self) -> Iterator[Artifact]:
        """Everything known: deployments first, then contracts known by code only."""
        for kind in ("by-address", "by-code"):
            for path in sorted((self.directory / kind).glob("*.json")):
                if (artifact := _load(path)) is not None:
                    yield artifact

    def names(self) -> list[str]:
        """The names that mean something."""
        return sorted(path.stem for path in (self.directory / "by-name").glob("*.json"))

    def _by_code(self, key: str) -> Path:
        return self.directory / "by-code" / f"{key}.json"

    def _by_source(self, source_hash: str) -> Path:
        return self.directory / "by-source" / f"{source_hash}.json"

    def _by_name(self, name: str) -> Path:
        return self.directory / "by-name" / f"{name}.json"

    def _by_address(self, address: str) -> Path:
        return self.directory / "by-address" / f"{address.lower()}.json"


def fingerprint(runtime: bytes) -> str:
    """What runtime code has in common with the compiler's, whatever values its immutables got.

    The compiler ends code with a hash of the sources and settings, and the length of that in two bytes
    (https://docs.soliditylang.org/en/latest/metadata.html); code without it is known by its own hash.
    """
    length = int.from_bytes(runtime[-2:], "big") + 2
    trailer = runtime[-length:] if length <= len(runtime) else b""
    return keccak(trailer if b"ipfs" in trailer else runtime).hex()[:32]


def _encoded(artifact: Artifact) -> str:
    return json.dumps({"version": VERSION, **asdict(artifact)}, indent=1)


def _replace(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".artifact-")
    with os.fdopen(handle, "w") as file:
        file.write(body)
    Path(aside).replace(path)


def _load(path: Path) -> Artifact | None:
    return _read(path, lambda fields: Artifact(**fields))


def _read(path: Path, make: Callable[[dict[str, Any]], T]) -> T | None:
    try:
        fields = json.loads(path.read_bytes())
        return make(fields) if fields.pop("version") == VERSION else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CliError(
            f"the artifact {path} cannot be read", str(error), "delete it and deploy the contract again"
        ) from None
