"""Which files of a directory matter, by what tools are known to leave there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from megaeth_cli.builds import deployments
from megaeth_cli.builds.files import contracts_of, load
from megaeth_cli.builds.model import BuildError, BuildInfo, Built, Found
from megaeth_cli.compile.project import find_project

Json = Any
OUTPUTS = ("out", "artifacts", "build/contracts", "build", "ignition/deployments", "deployments", "broadcast")
"""Where tools put what they make, below a project's root."""
_ROOTS = ("foundry.toml", "package.json", "hardhat.config.js", "hardhat.config.ts", "hardhat.config.cjs",
          "truffle-config.js")  # fmt: skip
_BUILD_INFO, _IGNITED = "build-info", "deployed_addresses.json"
_BUILDS = ("out", "artifacts", "build")
_DEEPEST = 12
"""Directories between an artifact and its build's output."""
_PASSED_OVER = ("node_modules", "cache", "dry-run", "multi")


def find(path: Path) -> Found:
    """Everything in a file or directory; a project's root stands for what its tools made."""
    if not path.exists():
        raise BuildError(
            f"no such file or directory: {path}", "", "build the project first, or check the path"
        )
    if path.is_file():
        found = _file(path)
        if not found.built:
            raise BuildError(
                f"{path} is no build artifact", "it has no `abi`", "name a file of out/ or artifacts/"
            )
        for info in _infos_beside(path):
            found.add(_of_build_info(info))
        return found
    if any((path / name).exists() for name in _ROOTS):
        found = Found(roots=[path.absolute()])
        # The broadest of what overlaps: build/contracts lies in build.
        for name in OUTPUTS:
            if (path / name).is_dir() and not (name == "build" and (path / "build" / "contracts").is_dir()):
                found.add(_directory(path / name))
    else:
        found = _directory(path)
    if not found.built and not found.deployed:
        raise BuildError(
            f"nothing to import in {path}",
            "\n".join(found.unread[:3]) or "no artifacts of forge, hardhat, truffle or solc are there",
            f"build the project, or name one of {', '.join(OUTPUTS)}",
        )
    return found


def only(built: list[Built], path: Path, name: str | None = None) -> Built:
    """The one contract of a file; of several the one of that name, or named like the file, or with code."""
    chosen = [one for one in built if one.contract.name == name] if name else built
    if not chosen:
        raise BuildError(f"{path} has no contract {name}", f"it has {_names(built)}")
    if len(chosen) > 1:
        chosen = [one for one in chosen if one.contract.name == path.stem] or [
            one for one in chosen if one.contract.bytecode
        ]
    if len(chosen) != 1:
        raise BuildError(
            f"{path} has several contracts: {_names(built)}", "which one?", f"{path}:{built[0].contract.name}"
        )
    return chosen[0]


def _names(built: list[Built]) -> str:
    return ", ".join(sorted({one.contract.name for one in built}))


def _directory(path: Path) -> Found:
    found = Found(roots=_roots(path))
    for file in sorted(_files(path)):
        try:
            found.add(_part(file))
        except BuildError as error:
            found.unread.append(f"{error.what}: {error.why}")
    return found


def _part(file: Path) -> Found:
    if file.parent.name == _BUILD_INFO:
        return _of_build_info(file)
    if file.name == _IGNITED:
        return Found(deployed=list(deployments.ignition(file.parent)))
    if file.name.startswith("run-") and file.parent.name.isdecimal():
        return Found(deployed=list(deployments.broadcast(file)))
    return _file(file)


def _file(path: Path) -> Found:
    body = load(path)
    found = Found(built=contracts_of(body, path), roots=_roots(path))
    if isinstance(body, dict) and found.built:
        unit = found.built[0].contract.unit
        if "networks" in body and "contractName" in body:
            found.deployed += deployments.truffle(path, body, unit)
        found.deployed += deployments.hardhat_deploy(path, body, unit)
    if isinstance(body, dict) and (isinstance(body.get("contracts"), dict) or "solcVersion" in body):
        found.build_infos[str(path)] = _build_info(path)
    return found


def _infos_beside(artifact: Path) -> Iterator[Path]:
    """The compilations among which the artifact's own is."""
    for parent in list(artifact.absolute().parents)[:_DEEPEST]:
        if (parent / _BUILD_INFO).is_dir():
            yield from (parent / _BUILD_INFO).glob("*.json")
            return


def _files(path: Path) -> Iterator[Path]:
    for file in path.rglob("*.json"):
        inside = file.relative_to(path).parts
        if not any(part in _PASSED_OVER for part in inside) and not file.name.endswith(
            (".dbg.json", ".abi.json")
        ):
            yield file


def _roots(path: Path) -> list[Path]:
    """Where the sources of a build's output may lie: its project, its package, or what the output lies in.

    A package in node_modules was built where it was written: its sources are beside its output, not in the project.
    """
    above = [path.absolute(), *path.absolute().parents]
    package = next((one for one in above if (one / "package.json").is_file()), None)
    around = next((one.parent for one in above if one.name in _BUILDS), None)
    places = (find_project(path / "any").root, package, around)
    return list(dict.fromkeys(one for one in places if one is not None))


def _of_build_info(file: Path) -> Found:
    """Hardhat 3 keeps a compilation's answer in a file beside the one that has its id."""
    if file.name.endswith(".output.json"):
        return Found()
    return Found(build_infos={str(load(file).get("id") or file.stem): _build_info(file)})


def _build_info(file: Path) -> BuildInfo:
    """A compilation: the tools' own files, the compiler's answer, or what `--combined-json` prints."""
    body = load(file)
    try:
        beside = file.with_name(f"{file.stem}.output.json")
        answer = load(beside)["output"] if beside.is_file() else body.get("output") or body
        places, listed = answer.get("sources") or {}, answer.get("sourceList") or ()
        # Forge's short form has the numbers of the files and nothing else.
        indexes = dict(body.get("source_id_to_path") or {})
        indexes |= {str(place["id"]): unit for unit, place in places.items() if "id" in place}
        indexes |= {str(index): unit for index, unit in enumerate(listed)}
        request = body.get("input") or {}
        sources = (request.get("sources") or {}).items()
        return BuildInfo(
            indexes,
            {unit: one["content"] for unit, one in sources if "content" in one},
            request.get("settings") or {},
            str(body.get("solcVersion") or ""),
            {one.contract.full_name: one for one in contracts_of(answer, file)},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"{file} is damaged", f"{type(error).__name__}: {error}", "build it again") from None
