"""The compiler's standard JSON: building a request, reading an answer.

https://docs.soliditylang.org/en/latest/using-the-compiler.html#compiler-input-and-output-json-description
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from megaeth_cli.bytecode.runtime_code import CodePattern, LinkReferences
from megaeth_cli.bytecode.source_map import SourceMaps
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version

Json = dict[str, Any]

NEWEST_EVM = "prague"
"""MegaETH's base EVM up to REX6; code for a later one may use instructions that halt there."""

# The first release that knows an EVM version, oldest first (https://github.com/ethereum/solidity,
# Changelog.md).
_EVM_SINCE = (
    ("petersburg", Version(0, 5, 5)),
    ("istanbul", Version(0, 5, 13)),
    ("berlin", Version(0, 8, 5)),
    ("london", Version(0, 8, 7)),
    ("paris", Version(0, 8, 18)),
    ("shanghai", Version(0, 8, 20)),
    ("cancun", Version(0, 8, 24)),
    ("prague", Version(0, 8, 27)),
)
EVM_ORDER = (
    "homestead",
    "tangerineWhistle",
    "spuriousDragon",
    "byzantium",
    "constantinople",
    "petersburg",
    "istanbul",
    "berlin",
    "london",
    "paris",
    "shanghai",
    "cancun",
    "prague",
)
"""EVM versions that MegaETH runs, oldest first."""
_LATER_EVMS = ("osaka", "amsterdam")
"""What compilers know besides, and MegaETH does not run."""
_EVM_FLAG_SINCE = Version(0, 4, 21)
# The first release that knows a setting; an older one refuses the whole request.
_SETTING_SINCE = {
    ("metadata", "bytecodeHash"): Version(0, 6, 0),
    ("metadata", "appendCBOR"): Version(0, 8, 18),
    ("debug",): Version(0, 6, 0),
    ("optimizer", "details", "inliner"): Version(0, 8, 5),
}
VIA_IR_SINCE = Version(0, 7, 5)
_STORAGE_LAYOUT_SINCE = Version(0, 5, 13)
_OUTPUTS = [
    "abi",
    "evm.bytecode.object",
    "evm.bytecode.linkReferences",
    "evm.bytecode.sourceMap",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.linkReferences",
    "evm.deployedBytecode.immutableReferences",
    "evm.deployedBytecode.sourceMap",
]


@dataclass(frozen=True)
class Settings:
    """What changes the bytecode besides the sources."""

    optimize: bool = True
    """On by default: MegaETH charges 10,000 storage gas for each byte of code."""
    runs: int = 200
    via_ir: bool = False
    evm_version: str | None = None
    """None: the newest that both MegaETH and the compiler know."""
    more: Json = field(default_factory=dict)
    """Whatever else the project says, in the compiler's own terms."""


@dataclass(frozen=True)
class Contract:
    """A compiled contract."""

    unit: str
    name: str
    abi: list[Json]
    bytecode: str
    """Creation code in hex, without 0x; empty for interfaces and abstract contracts."""
    runtime: str
    layout: Json = field(default_factory=dict)
    """The storage layout, empty when the compiler gives none."""
    links: LinkReferences = field(default_factory=dict)
    """Where libraries' addresses go in `bytecode`."""
    runtime_links: LinkReferences = field(default_factory=dict)
    """Where they go in `runtime`."""
    immutables: Mapping[str, Any] | None = None
    """Where immutables go in `runtime`, if the compiler says so."""

    @property
    def full_name(self) -> str:
        """`path:Name`."""
        return f"{self.unit}:{self.name}"

    @cached_property
    def pattern(self) -> CodePattern | None:
        """What its deployments have in common; None without runtime code."""
        return CodePattern.of(self.runtime, self.runtime_links, self.immutables) if self.runtime else None


def evm_version(settings: Settings, compiler: Version) -> str | None:
    """The EVM version to compile for: the newest up to the wanted one that the compiler and MegaETH know.

    None leaves it to a compiler that knows none.
    """
    wanted = settings.evm_version
    if wanted is None or wanted in _LATER_EVMS:
        wanted = NEWEST_EVM
    elif wanted not in EVM_ORDER:
        raise CompileError(
            f"there is no EVM version {wanted!r}",
            f"known are {', '.join(EVM_ORDER)}",
            f"use {NEWEST_EVM} or an older one",
        )
    if compiler < _EVM_FLAG_SINCE:
        return None
    since = dict(_EVM_SINCE)
    up_to = EVM_ORDER[: EVM_ORDER.index(wanted) + 1]
    return next(name for name in reversed(up_to) if compiler >= since.get(name, _EVM_FLAG_SINCE))


def refuse_later_evm(wanted: str) -> None:
    """CompileError when MegaETH does not run code for an EVM version."""
    if wanted in _LATER_EVMS:
        raise CompileError(
            f"MegaETH does not run EVM version {wanted!r}",
            f"its newest is {NEWEST_EVM}; code for a later one may use instructions that halt there",
            f"use --evm-version {NEWEST_EVM} or an older one",
        )


def request(sources: Mapping[str, str], remappings: list[str], settings: Settings, compiler: Version) -> Json:
    """A request that compiles all sources."""
    knows_layouts = compiler >= _STORAGE_LAYOUT_SINCE
    outputs = [*_OUTPUTS, "storageLayout"] if knows_layouts else _OUTPUTS
    options = _known(settings.more, compiler)
    options["remappings"] = remappings
    options["optimizer"] = {
        **options.get("optimizer", {}),
        "enabled": settings.optimize,
        "runs": settings.runs,
    }
    options["outputSelection"] = {"*": {"*": outputs} | ({"": ["ast"]} if knows_layouts else {})}
    if (evm := evm_version(settings, compiler)) is not None:
        options["evmVersion"] = evm
    if settings.via_ir:
        options["viaIR"] = True
    return {
        "language": "Solidity",
        "sources": {name: {"content": sources[name]} for name in sorted(sources)},
        "settings": options,
    }


def _known(settings: Json, compiler: Version, above: tuple[str, ...] = ()) -> Json:
    """The settings that a compiler knows."""
    return {
        key: _known(value, compiler, (*above, key)) if isinstance(value, dict) else value
        for key, value in settings.items()
        if compiler >= _SETTING_SINCE.get((*above, key), compiler)
    }


def contracts(answer: Json) -> list[Contract]:
    """All contracts of an answer without errors, in the order of their files."""
    return [
        contract(unit, name, body)
        for unit, names in answer.get("contracts", {}).items()
        for name, body in names.items()
    ]


def contract(unit: str, name: str, body: Json) -> Contract:
    """One contract of an answer, or of a file that keeps it in the same form."""
    evm = body.get("evm") or {}
    creation, deployed = evm.get("bytecode") or {}, evm.get("deployedBytecode") or {}
    return Contract(
        unit=unit,
        name=name,
        abi=body.get("abi") or [],
        bytecode=creation.get("object", "").removeprefix("0x"),
        runtime=deployed.get("object", "").removeprefix("0x"),
        layout=body.get("storageLayout") or {},
        links=creation.get("linkReferences") or {},
        runtime_links=deployed.get("linkReferences") or {},
        immutables=deployed.get("immutableReferences"),
    )


def source_maps(answer: Json, sources: Mapping[str, str]) -> SourceMaps:
    """The maps of all contracts of an answer, with the sources that they lead to."""
    return SourceMaps(
        units=dict(sources),
        indexes={str(place["id"]): unit for unit, place in answer.get("sources", {}).items()},
        maps=_maps(answer, "deployedBytecode"),
        creation_maps=_maps(answer, "bytecode"),
    )


def _maps(answer: Json, code: str) -> dict[str, str]:
    """The maps of one of a contract's two codes, by `path:Name`."""
    return {
        f"{unit}:{name}": found
        for unit, names in answer.get("contracts", {}).items()
        for name, body in names.items()
        if (found := body.get("evm", {}).get(code, {}).get("sourceMap"))
    }


def warnings(answer: Json) -> list[str]:
    """What the compiler says besides errors, each with its source lines."""
    return [_tidy(found) for found in answer.get("errors", ()) if found.get("severity") != "error"]


def raise_errors(answer: Json) -> None:
    """CompileError with the offending source lines when the answer holds errors."""
    errors = [found for found in answer.get("errors", ()) if found.get("severity") == "error"]
    if not errors:
        return
    count = f"{len(errors)} errors" if len(errors) > 1 else "1 error"
    raise CompileError(f"the source does not compile: {count}", "\n\n".join(map(_tidy, errors)))


def _tidy(found: Json) -> str:
    text = str(found.get("formattedMessage") or found.get("message") or "unknown error")
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return re.sub(r"\n{2,}", "\n", "\n".join(lines))
