"""What is read from build files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from megaeth_cli.compile.standard_json import Contract
from megaeth_cli.errors import CliError, ExitStatus

Json = Any


class BuildError(CliError):
    """A file that is no build output, or is damaged."""

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what, why, hint, ExitStatus.USAGE)


@dataclass(frozen=True)
class Built:
    """A contract that another tool compiled."""

    contract: Contract
    tool: str
    """`forge`, `hardhat`, `truffle`, `solc`."""
    file: Path
    compiler: str = ""
    """The version of solc, `0.8.30`; empty where the file does not tell."""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    """The compiler's metadata: settings, and the hashes of the sources."""
    source_map: str = ""
    """Of the runtime code."""
    creation_map: str = ""
    """The source map of the code that creates it."""
    source_index: str | None = None
    """The number by which source maps mean the contract's own file, where the artifact tells."""
    build_info: str = ""
    """The id of the compilation, where the tool keeps them apart."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Sources that the file itself holds, by unit."""


@dataclass(frozen=True)
class Deployed:
    """That a tool deployed a contract."""

    name: str
    address: bytes
    chain_id: int
    tool: str
    unit: str = ""
    """Empty where the record does not tell."""
    transaction: str = ""


@dataclass(frozen=True)
class BuildInfo:
    """One compilation."""

    indexes: Mapping[str, str]
    """The file of each number that source maps use."""
    texts: Mapping[str, str]
    """The sources; empty where the tool does not keep them."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """What the compiler was told besides the sources, where the tool keeps it."""
    compiler: str = ""
    """The version of solc."""
    answers: Mapping[str, Built] = field(default_factory=dict)
    """What the compiler said of each contract, by `path:Name`, where the tool keeps it."""


@dataclass
class Found:
    """Everything in some paths."""

    built: list[Built] = field(default_factory=list)
    deployed: list[Deployed] = field(default_factory=list)
    build_infos: dict[str, BuildInfo] = field(default_factory=dict)
    roots: list[Path] = field(default_factory=list)
    """Projects, in which sources may be found."""
    unread: list[str] = field(default_factory=list)
    """Files that were left out, and why."""

    def add(self, other: "Found") -> None:
        """Take everything of another."""
        self.built += other.built
        self.deployed += other.deployed
        self.build_infos |= other.build_infos
        self.roots += [root for root in other.roots if root not in self.roots]
        self.unread += other.unread
