"""What `megaeth deploy` is given, made ready to deploy: a source that is compiled here, or another tool's artifact."""

import re
from collections.abc import Iterator
from pathlib import Path

from megaeth_cli import builds
from megaeth_cli.compile import Compilation, CompileError, Contract, Options, compile_source
from megaeth_cli.compile.compilers import Search
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError, ExitStatus

_FILE = re.compile(r"(?P<path>.+\.(?:sol|vy|json))(?::(?P<name>[\w$]+))?", re.IGNORECASE)


def locate(env: Environment, text: str) -> tuple[Path, str | None]:
    """The file, and the contract in it, that `FILE[:NAME]` means; npm's packages are looked for upwards."""
    found = _FILE.fullmatch(text)
    if found is None:
        raise CliError(
            f"not a source file: {text}",
            "a source ends in .sol or .vy, a build artifact in .json, and either may be followed by :Name",
            "for example contracts/src/Token.sol:Token, or out/Token.sol/Token.json",
            ExitStatus.USAGE,
        )
    path = Path(found["path"]).expanduser()
    for candidate in (env.cwd / path, *_packages(env.cwd, path)):
        if candidate.is_file():
            return candidate, found["name"]
    raise CliError(f"no such file: {found['path']}", "", "check the path", ExitStatus.USAGE)


def prepare(path: Path, name: str | None, options: Options) -> tuple[Compilation, Contract]:
    """The contract that is meant, and everything that was compiled with it."""
    if path.suffix.lower() == ".json":
        return _artifact(path, name, Search(options.cache, options.variables, options.solc, say=options.say))
    compilation = compile_source(path, options)
    return compilation, compilation.contract(name)


def _artifact(path: Path, name: str | None, search: Search) -> tuple[Compilation, Contract]:
    sources = builds.Sources(builds.find(path))
    built, problems = sources.with_layouts(search)
    for problem in problems:
        search.say(problem)
    chosen = builds.only(built, path, name)
    contract = chosen.contract
    if not contract.bytecode:
        raise CompileError(
            f"{path} has nothing to deploy",
            f"{contract.name} is an interface or abstract, or the file holds an ABI only",
            "name the artifact of a contract",
        )
    mapped = (
        (key, maps) for one, key, maps in sources.maps() if one.contract.full_name == contract.full_name
    )
    key, maps = next(mapped, ("", None))
    compilation = Compilation(
        unit=contract.unit,
        compiler=f"solc {chosen.compiler} by {chosen.tool}" if chosen.compiler else chosen.tool,
        source_hash=key,
        contracts=tuple(one.contract for one in built),
        source_maps=maps,
    )
    return compilation, contract


def _packages(directory: Path, path: Path) -> Iterator[Path]:
    return (parent / "node_modules" / path for parent in (directory, *directory.parents))
