"""What is known about deployed contracts, so that later commands know them by name.

One JSON file per deployment, kept with the chain's data; for a chain that is not a local devnet, by chain id in the
user's data directory. Every contract that was compiled or imported is kept by its code besides, so that it is known
whoever deploys it: a factory, forge, a script. Sources are kept once per compilation. Written by `megaeth deploy` and
`megaeth import`, read by everything else.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from devnet.files import write_atomically
from megaeth_cli.abi import Interface
from megaeth_cli.bytecode.runtime_code import CodePattern, split_metadata
from megaeth_cli.bytecode.source_map import Line, SourceMaps
from megaeth_cli.errors import CliError
from megaeth_cli.units import keccak

VERSION = 1

KnownBy = Literal["deployment", "record", "code"]
"""How the contract at an address is known: deployed from here; by another tool's record; by its code alone."""

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
    known_by: KnownBy = "deployment"

    @property
    def full_name(self) -> str:
        """`path:Name`."""
        return f"{self.unit}:{self.name}"

    @cached_property
    def interface(self) -> Interface:
        """The ABI, indexed."""
        return Interface(self.abi, self.layout.get("enums", {}))

    @property
    def raw_address(self) -> bytes:
        """The address as bytes."""
        return bytes.fromhex(self.address[2:])

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing that another record of the contract may have."""
        return bool(self.abi and self.layout and self.source_hash)

    def with_missing_of(self, other: "Artifact") -> "Artifact":
        """What this says, and what only another record of the same contract says."""
        return replace(
            self,
            abi=self.abi or other.abi,
            layout=self.layout or other.layout,
            source_hash=self.source_hash or other.source_hash,
        )


@dataclass(frozen=True)
class Template:
    """A contract that anybody may deploy, and what its code looks like then."""

    artifact: Artifact
    """Without an address."""
    pattern: CodePattern
    imported: bool
    """Whether others build it: by `megaeth import`, not by `megaeth deploy`."""


@dataclass(frozen=True)
class Recognition:
    """What a contract is, by its code."""

    artifact: Artifact
    others: tuple[str, ...] = ()
    """The names of contracts whose code is the same."""


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

    def save_template(self, template: Template) -> None:
        """Know a contract by its code from now on; best effort: a full disk costs names, not results.

        What is known of the same build already, and missing here, stays known.
        """
        artifact, pattern, imported = template.artifact, template.pattern, template.imported
        where = self.directory / "by-code" / f"{_key(pattern)}-{artifact.name}-{_tag(template)}.json"
        for one in self.builds(artifact.name, pattern):
            artifact, imported = artifact.with_missing_of(one.artifact), imported or one.imported
        body = {
            "version": VERSION,
            "pattern": asdict(pattern),
            "imported": imported,
            "artifact": asdict(artifact),
        }
        with contextlib.suppress(OSError):
            if not where.exists():
                self._searched.unlink(missing_ok=True)
            _replace(where, json.dumps(body))

    def save_sources(self, source_hash: str, maps: SourceMaps) -> None:
        """Keep the sources of a compilation, and which lines its code comes from; best effort."""
        with contextlib.suppress(OSError):
            _replace(self._by_source(source_hash), json.dumps({"version": VERSION, **maps.to_json()}))

    def lines(self, artifact: Artifact, code: bytes, *, creates: bool = False) -> dict[int, Line]:
        """The source line of each of a contract's instructions, by pc; empty where that is not known. `creates`: of
        the code that makes it."""
        maps = self._maps(artifact)
        return maps.lines(artifact.full_name, code, creates=creates) if maps is not None else {}

    def sources(self, artifact: Artifact) -> Mapping[str, str]:
        """The sources that a contract was compiled from, by the compiler's names of their files; none where they were
        not kept."""
        maps = self._maps(artifact)
        return maps.units if maps is not None else {}

    def internal_jumps(self, artifact: Artifact, code: bytes, *, creates: bool = False) -> frozenset[int]:
        """The jumps into and out of functions of the contract itself, by pc; none where that is not known."""
        maps = self._maps(artifact)
        if maps is None:
            return frozenset()
        return maps.internal_jumps(artifact.full_name, code, creates=creates)

    def recognise(self, code: bytes, likely: Artifact | None = None) -> Recognition | None:
        """The contract whose code this is, whatever its immutables and libraries are.

        Of several the likely one, else the one with the same metadata, which means the same sources.
        """
        body, metadata = split_metadata(code)
        found = [one for one in self._templates(f"{len(body)}-*") if one.pattern.matches(body)]
        if likely is not None and any(one.artifact.full_name == likely.full_name for one in found):
            found = [one for one in found if one.artifact.full_name == likely.full_name]
        if same := [one for one in found if metadata and one.pattern.metadata == metadata.hex()]:
            found = same
        if not found:
            return None
        best = max(found, key=lambda one: bool(one.artifact.layout))
        names = {one.artifact.name for one in found}
        return Recognition(best.artifact, tuple(sorted(names - {best.artifact.name})))

    def completed(self, artifact: Artifact, code: bytes) -> Artifact:
        """A contract's record, with what is missing there and known of its code under the same name."""
        found = self.recognise(code, artifact)
        if found is None or found.artifact.name != artifact.name:
            return artifact
        return artifact.with_missing_of(found.artifact)

    def builds(self, name: str, pattern: CodePattern) -> Iterator[Template]:
        """What is known of a contract that was built from the same sources, newest first."""
        return (
            one
            for one in self._templates(f"{_key(pattern)}-{name}-*")
            if one.pattern.metadata == pattern.metadata
        )

    @cached_property
    def knows_code(self) -> bool:
        """Whether `recognise` may find anything."""
        return (self.directory / "by-code").is_dir()

    def templates(self, name: str) -> list[Template]:
        """The contracts of a name that are known by their code, newest first."""
        return list(self._templates(f"*-{name}-*")) if _is_name(name) else []

    def _templates(self, files: str) -> Iterator[Template]:
        paths = (self.directory / "by-code").glob(f"{files}.json")
        for path in sorted(paths, key=lambda one: one.stat().st_mtime_ns, reverse=True):
            if (template := _read(path, _template)) is not None:
                yield template

    @property
    def searched(self) -> int:
        """The newest block that was searched for contracts of known code; -1 before the first search.

        Every new template sets it back, as what it describes may have been deployed long ago.
        """
        return _read(self._searched, lambda fields: int(fields["block"])) or -1

    @searched.setter
    def searched(self, block: int) -> None:
        with contextlib.suppress(OSError):
            _replace(self._searched, json.dumps({"version": VERSION, "block": block}))

    def named(self, name: str) -> Artifact | None:
        """The newest deployment with that name."""
        return _load(self._by_name(name)) if _is_name(name) else None

    def at(self, address: str | bytes) -> Artifact | None:
        """The contract that was deployed to an address."""
        return _load(self._by_address(address if isinstance(address, str) else f"0x{address.hex()}"))

    def deployed(self) -> Iterator[Artifact]:
        """Everything whose address is known."""
        for path in sorted((self.directory / "by-address").glob("*.json")):
            if (artifact := _load(path)) is not None:
                yield artifact

    def all(self) -> Iterator[Artifact]:
        """Everything known: deployments first, then contracts known by code only."""
        yield from self.deployed()
        yield from (template.artifact for template in self._templates("*-*"))

    def names(self) -> list[str]:
        """The names of deployed contracts."""
        return sorted(path.stem for path in (self.directory / "by-name").glob("*.json"))

    def template_names(self) -> list[str]:
        """The names of contracts that are known by their code."""
        paths = (self.directory / "by-code").glob("*-*-*-*.json")
        return sorted({path.stem.split("-")[2] for path in paths})

    def _maps(self, artifact: Artifact) -> SourceMaps | None:
        return _read(self._by_source(artifact.source_hash), lambda fields: SourceMaps(**fields))

    @property
    def _searched(self) -> Path:
        return self.directory / "searched.json"

    def _by_source(self, source_hash: str) -> Path:
        return self.directory / "by-source" / f"{source_hash}.json"

    def _by_name(self, name: str) -> Path:
        return self.directory / "by-name" / f"{name}.json"

    def _by_address(self, address: str) -> Path:
        return self.directory / "by-address" / f"{address.lower()}.json"


def _key(pattern: CodePattern) -> str:
    return f"{pattern.size}-{pattern.digest}"


def _tag(template: Template) -> str:
    """Of builds with the same code, those from other sources are kept apart: their names may differ."""
    return keccak(f"{template.artifact.full_name} {template.pattern.metadata}".encode()).hex()[:8]


def _is_name(text: str) -> bool:
    """Names come from command lines and files: none may lead out of the directory."""
    return text.replace("$", "_").isidentifier()


def _template(fields: dict[str, Any]) -> Template:
    pattern = fields["pattern"] | {
        "masked": tuple((start, size) for start, size in fields["pattern"]["masked"])
    }
    return Template(Artifact(**fields["artifact"]), CodePattern(**pattern), fields["imported"])


def _encoded(artifact: Artifact) -> str:
    return json.dumps({"version": VERSION, **asdict(artifact)}, indent=1)


def _replace(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, body, private=True)


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
