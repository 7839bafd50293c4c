"""One JSON file of a build tool: which form it has, and the contracts in it.

| form | where |
|---|---|
| forge | `out/Counter.sol/Counter.json` |
| hardhat 2 and 3 | `artifacts/contracts/Counter.sol/Counter.json` |
| truffle | `build/contracts/Counter.json` |
| waffle and Uniswap v2 | `build/UniswapV2Pair.json`: `abi`, `evm` |
| solc | `--standard-json`'s answer, `--combined-json`, and hardhat's and forge's build-info |
| anything else with `abi` and `bytecode` | Remix, ethers |

Each becomes the form of the compiler's own answer first, which `standard_json.contract` reads.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from megaeth_cli.builds.model import BuildError, Built
from megaeth_cli.bytecode.runtime_code import CodePattern, UnlinkedCodeError
from megaeth_cli.compile.standard_json import Contract, contract

Json = Any
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_BUILD_INFO = "build-info"


def load(path: Path) -> Json:
    """The JSON in a file; BuildError says what is wrong."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BuildError(f"{path} cannot be read", error.strerror or str(error)) from None
    except (ValueError, RecursionError) as error:
        raise BuildError(f"{path} is not JSON", str(error)) from None


def contracts_of(body: Json, path: Path) -> list[Built]:
    """The contracts in a file's JSON; empty when it is no build output."""
    try:
        found = [one for one in _contracts(body, path) if one.contract.abi or one.contract.runtime]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BuildError(f"{path} is damaged", f"{type(error).__name__}: {error}", "build it again") from None
    for one in found:
        _require_abi(one.contract.abi, path)
    return found


def _require_abi(abi: Json, path: Path) -> None:
    """BuildError for what no ABI can have."""
    for number, entry in enumerate(abi, 1):
        if not isinstance(entry, dict):
            raise BuildError(f"{path} is not an ABI: entry {number}", "it is no object")
        for member in ("inputs", "outputs"):
            if not _are_parameters(entry.get(member, [])):
                raise BuildError(
                    f"{path} is not an ABI: entry {number}", f"its `{member}` are no list of parameters"
                )


def _are_parameters(listed: Json) -> bool:
    return isinstance(listed, list) and all(
        isinstance(one, dict) and _are_parameters(one.get("components", [])) for one in listed
    )


def _contracts(body: Json, path: Path) -> Iterator[Built]:
    if isinstance(body, list) and any(isinstance(one, dict) and "type" in one for one in body):
        # A bare ABI.
        yield Built(_contract(path.stem, path.stem, {"abi": body}), "ABI", path)
    if not isinstance(body, dict):
        return
    if _BUILD_INFO in str(body.get("_format", "")):
        yield from _answer(body.get("output") or {}, path, _version(body.get("solcVersion")))
    elif str(body.get("_format", "")).startswith(("hh-", "hh3-")):
        yield _hardhat(body, path)
    elif isinstance(body.get("contracts"), dict):
        yield from _answer(body, path, _version(body.get("version") or body.get("solcVersion")))
    elif isinstance(body.get("abi"), list):
        yield _single(body, path)


def _hardhat(body: Json, path: Path) -> Built:
    evm = {
        "bytecode": {"object": body["bytecode"], "linkReferences": body.get("linkReferences")},
        "deployedBytecode": {
            "object": body["deployedBytecode"],
            "linkReferences": body.get("deployedLinkReferences"),
            "immutableReferences": body.get("immutableReferences"),
        },
    }
    unit = body.get("inputSourceName") or body["sourceName"]
    return Built(
        _contract(unit, body["contractName"], {"abi": body["abi"], "evm": evm}),
        "hardhat",
        path,
        build_info=body.get("buildInfoId") or _debug_info(path),
    )


def _debug_info(path: Path) -> str:
    """Hardhat 2 says in a file beside an artifact which compilation it is of."""
    debug = path.with_suffix(".dbg.json")
    return Path(load(debug)["buildInfo"]).stem if debug.is_file() else ""


def _answer(body: Json, path: Path, version: str) -> Iterator[Built]:
    """The compiler's answer, or what `--combined-json` prints."""
    for unit, names in body.get("contracts", {}).items():
        if "abi" in names or "bin" in names:
            yield _combined(unit, names, path, version)
            continue
        for name, each in names.items():
            metadata = _metadata(each.get("metadata"))
            yield Built(
                _contract(unit, name, each),
                "solc",
                path,
                _version(metadata.get("compiler")) or version,
                metadata,
                _source_map(each, "deployedBytecode"),
                _source_map(each, "bytecode"),
                build_info=str(path),
            )


def _combined(full_name: str, each: Json, path: Path, version: str) -> Built:
    unit, _, name = full_name.rpartition(":")
    abi, layout = each.get("abi") or [], each.get("storage-layout") or {}
    body = {
        "abi": json.loads(abi) if isinstance(abi, str) else abi,
        "evm": {
            "bytecode": {"object": each.get("bin", "")},
            "deployedBytecode": {"object": each.get("bin-runtime", "")},
        },
        "storageLayout": json.loads(layout) if isinstance(layout, str) else layout,
    }
    metadata = _metadata(each.get("metadata"))
    maps = each.get("srcmap-runtime", ""), each.get("srcmap", "")
    made = _contract(unit, name, body)
    return Built(made, "solc", path, version, metadata, *maps, build_info=str(path))


def _single(body: Json, path: Path) -> Built:
    """A file for one contract: forge's, truffle's, waffle's and others."""
    metadata = _metadata(body.get("metadata") or body.get("rawMetadata"))
    target = next(iter((metadata.get("settings") or {}).get("compilationTarget", {}).items()), None)
    unit, name = target or (_truffle_unit(body) or path.stem, body.get("contractName") or path.stem)
    evm = body.get("evm") or (body.get("data") if isinstance(body.get("data"), dict) else None)
    if evm is None:
        evm = {
            "bytecode": _code(body.get("bytecode"), body.get("linkReferences")),
            "deployedBytecode": _code(
                body.get("deployedBytecode"),
                body.get("deployedLinkReferences"),
                body.get("immutableReferences"),
            ),
        }
    parts = {"abi": body["abi"], "evm": evm, "storageLayout": body.get("storageLayout")}
    is_truffle = "schemaVersion" in body or "networks" in body
    is_forge = isinstance(body.get("bytecode"), dict)
    text = body.get("source")
    return Built(
        _contract(unit, name, parts),
        "truffle" if is_truffle else "forge" if is_forge else "solc",
        path,
        _version(metadata.get("compiler")) or _version(body.get("compiler")),
        metadata,
        body.get("deployedSourceMap") or _source_map({"evm": evm}, "deployedBytecode"),
        str(body.get("sourceMap") or _source_map({"evm": evm}, "bytecode")),
        str(body["id"]) if "id" in body else None,
        texts={unit: text} if isinstance(text, str) else {},
    )


def _code(value: Json, links: Json, immutables: Json = None) -> Json:
    """Code as the compiler gives it: some tools keep that whole, some only the hex."""
    if isinstance(value, dict):
        return value
    return {"object": value or "", "linkReferences": links, "immutableReferences": immutables}


def _contract(unit: str, name: str, body: Json) -> Contract:
    made = contract(str(unit), str(name), body)
    if not made.name.replace("$", "_").isidentifier():
        raise ValueError(f"{made.name!r} is no name of a contract")
    try:
        _ = made.pattern
        if made.bytecode:
            CodePattern.of(made.bytecode)
    except UnlinkedCodeError as error:
        raise ValueError(f"the code of {made.name} is not hex: {error}") from None
    return made


def _metadata(value: Json) -> Mapping[str, Json]:
    """The compiler's metadata, which most tools keep as text."""
    if isinstance(value, str) and value:
        value = json.loads(value)
    return value if isinstance(value, dict) else {}


def _source_map(body: Json, code: str) -> str:
    return str(((body.get("evm") or {}).get(code) or {}).get("sourceMap") or "")


def _truffle_unit(body: Json) -> str:
    return str((body.get("ast") or {}).get("absolutePath") or body.get("sourcePath") or "")


def _version(value: Json) -> str:
    """`0.8.30` out of whatever a tool writes for it."""
    if isinstance(value, dict):
        value = value.get("version")
    found = _VERSION.search(value) if isinstance(value, str) else None
    return found[0] if found else ""
