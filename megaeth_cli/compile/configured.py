"""Which of a project's compilers and settings are for one file, with what it imports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import PragmaError, Version, VersionRange
from megaeth_cli.compile.standard_json import EVM_ORDER, Settings


@dataclass(frozen=True)
class Configured:
    """One compiler with its settings."""

    solc: str | None = None
    """A version, or a path; None leaves the choice to the pragmas."""
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Restriction:
    """What some files demand of the settings: one of forge's `compilation_restrictions`."""

    paths: str
    """A pattern of unit names; `*` stands for slashes as well."""
    demands: Mapping[str, Any]

    def concerns(self, units: Iterable[str]) -> bool:
        """Whether one of the units is meant."""
        return any(
            fnmatchcase(unit, pattern)
            for unit in units
            for pattern in (self.paths, self.paths.removeprefix("**/"))
        )

    def allows(self, settings: Settings) -> bool:
        """Whether these settings satisfy the demands."""
        return all(_holds(name, wanted, settings) for name, wanted in self.demands.items())

    @property
    def versions(self) -> VersionRange | None:
        """The compilers that are allowed; written as cargo does, where a bare version stands for `^`."""
        text = self.demands.get("version")
        if not isinstance(text, str):
            return None
        parts = [part.strip() for part in text.split(",")]
        try:
            return VersionRange(" ".join(f"^{part}" if part[:1].isdigit() else part for part in parts))
        except PragmaError as error:
            raise CompileError(
                f"foundry.toml: the version that {self.paths} demands cannot be read", str(error)
            ) from None


def pick(
    candidates: Iterable[Configured], restrictions: Iterable[Restriction], ranges: Iterable[VersionRange]
) -> Configured | None:
    """The first that satisfies all restrictions; of those with versions the newest that all pragmas allow."""
    allowed = [one for one in candidates if all(wish.allows(one.settings) for wish in restrictions)]
    if not allowed:
        raise CompileError(
            "no compiler profile of foundry.toml satisfies its compilation_restrictions",
            "the file and its imports together demand settings that no profile has",
            "add one to additional_compiler_profiles",
        )
    if len(allowed) == 1 or any(one.solc is None for one in allowed):
        return allowed[0]
    wanted = list(ranges)
    fitting = [
        (version, -place)
        for place, one in enumerate(allowed)
        if (version := Version.parse(one.solc or "")) and all(version in each for each in wanted)
    ]
    return allowed[-max(fitting)[1]] if fitting else None


def _holds(name: str, wanted: Any, settings: Settings) -> bool:  # noqa: ANN401 what TOML knows
    evm = _rank(settings.evm_version)
    match name:
        case "via_ir":
            return settings.via_ir is wanted
        case "bytecode_hash":
            return bool(settings.more.get("metadata", {}).get("bytecodeHash") == wanted)
        case "optimizer_runs":
            return isinstance(wanted, int) and settings.runs == wanted
        case "min_optimizer_runs":
            return isinstance(wanted, int) and settings.runs >= wanted
        case "max_optimizer_runs":
            return isinstance(wanted, int) and settings.runs <= wanted
        case "evm_version":
            return evm == _rank(wanted)
        case "min_evm_version":
            return evm >= _rank(wanted)
        case "max_evm_version":
            return evm <= _rank(wanted)
    return True


def _rank(evm_version: str | None) -> int:
    """None is the newest."""
    return EVM_ORDER.index(evm_version) if evm_version in EVM_ORDER else len(EVM_ORDER)
