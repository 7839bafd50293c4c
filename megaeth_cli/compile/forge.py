"""A forge project: its settings in the compiler's terms. What forge compiles is compiled here to the same code."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from megaeth_cli.compile.configured import Configured, Restriction
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.forge_config import FILE_NAME, ForgeConfig
from megaeth_cli.compile.remapping import Remapping, resolve
from megaeth_cli.compile.standard_json import Json, Settings

_DEFAULT_RUNS = 200


def compilers_of(config: ForgeConfig, remappings: tuple[Remapping, ...]) -> Iterator[Configured]:
    """The profile's compiler, and those of `additional_compiler_profiles`, which differ in settings only."""
    solc = _solc(config)
    yield Configured(solc, _settings(config, remappings))
    for profile in _tables(config, "additional_compiler_profiles"):
        other = replace(config, values={**config.values, **profile})
        yield Configured(solc, _settings(other, remappings))


def restrictions_of(config: ForgeConfig) -> Iterator[Restriction]:
    """`compilation_restrictions`."""
    for one in _tables(config, "compilation_restrictions"):
        if isinstance(paths := one.get("paths"), str):
            yield Restriction(paths, {key: value for key, value in one.items() if key != "paths"})


def _settings(config: ForgeConfig, remappings: tuple[Remapping, ...]) -> Settings:
    """What foundry.toml asks of the compiler, with forge's defaults for what it leaves open."""
    optimize, runs = config.flag("optimizer"), config.number("optimizer_runs")
    if optimize is None:
        optimize = bool(runs)
    metadata: Json = {
        "bytecodeHash": config.text("bytecode_hash") or "ipfs",
        "appendCBOR": config.flag("cbor_metadata") is not False,
        "useLiteralContent": config.flag("use_literal_content") is True,
    }
    more: Json = {"metadata": metadata}
    details = config.values.get("optimizer_details")
    if isinstance(details, Mapping):
        more["optimizer"] = {"details": _camel_case(details)}
    if (reverts := config.text("revert_strings")) is not None:
        more["debug"] = {"revertStrings": reverts}
    if libraries := _libraries(config, remappings):
        more["libraries"] = libraries
    return Settings(
        optimize=optimize,
        runs=_DEFAULT_RUNS if runs is None else runs,
        via_ir=config.flag("via_ir") is True,
        evm_version=config.text("evm_version"),
        more=more,
    )


def _solc(config: ForgeConfig) -> str | None:
    """The version or path that `solc` names; a path is relative to the project."""
    named = config.text("solc")
    if named is None or not named.strip():
        return None
    path = config.root / named
    return str(path) if "/" in named or path.is_file() else named


def _libraries(config: ForgeConfig, remappings: tuple[Remapping, ...]) -> Json:
    """`file:Name:0x...` of each library that is deployed already."""
    found: Json = {}
    for text in config.texts("libraries"):
        file, _, rest = text.strip().partition(":")
        name, _, address = rest.partition(":")
        if not (file and name and address.startswith("0x")):
            raise CompileError(
                f"{config.root / FILE_NAME}: not a library: {text!r}",
                "a library is FILE:NAME:ADDRESS",
                "for example src/Math.sol:Math:0x0123456789012345678901234567890123456789",
            )
        unit = resolve(file.removeprefix("./"), "", remappings)
        if Path(unit).is_relative_to(config.root):
            unit = Path(unit).relative_to(config.root).as_posix()
        found.setdefault(unit, {})[name] = address
    return found


def _tables(config: ForgeConfig, key: str) -> list[Json]:
    value = config.values.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _camel_case(value: Any) -> Any:  # noqa: ANN401 a tree of JSON
    """foundry.toml spells the compiler's names with underscores."""
    if not isinstance(value, Mapping):
        return value
    return {_camel(key): _camel_case(inner) for key, inner in value.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
