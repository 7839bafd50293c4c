"""From a source file to bytecode, ABI and storage layout. No chain, no network but npm's.

    source -> project (root, remappings, settings; forge's or hardhat's) -> sources (imports, pragmas)
           -> compilers (one that all pragmas allow) -> standard_json -> Compilation

`compile_source` is the door, `trees.parse` that of who wants the syntax of many files. Answers are kept in the user's
cache under a hash of everything that they depend on.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from megaeth_cli.bytecode.source_map import SourceMaps
from megaeth_cli.compile import cache, standard_json, storage, vyper
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.plan import Options, Planner, request_key
from megaeth_cli.compile.standard_json import Contract, Settings

__all__ = ["Compilation", "CompileError", "Contract", "Options", "Settings", "compile_source"]


@dataclass(frozen=True)
class Compilation:
    """A compiled source file with everything that it imports."""

    unit: str
    """The compiler's name of the file that was asked for."""
    compiler: str
    source_hash: str
    """SHA-256 of the whole request: sources, settings, compiler."""
    contracts: tuple[Contract, ...]
    warnings: tuple[str, ...] = ()
    source_maps: SourceMaps | None = None
    """Which lines the code comes from; Vyper does not tell."""

    def contract(self, name: str | None) -> Contract:
        """The contract with that name.

        Without a name, the only deployable one or the one named like the file.
        """
        own = [one for one in self.contracts if one.unit == self.unit]
        if name is not None:
            named = [one for one in own if one.name == name] or [c for c in self.contracts if c.name == name]
            if not named:
                raise CompileError(
                    f"{self.unit} has no contract {name}",
                    f"it has {', '.join(one.name for one in own) or 'none'}",
                    f"{self.unit}:{own[0].name}" if own else "",
                )
            return named[0]
        deployable = [one for one in own if one.bytecode]
        if not deployable:
            raise CompileError(
                f"{self.unit} has nothing to deploy",
                "interfaces, abstract contracts and empty files have no code",
                "name a file with a contract in it",
            )
        stem = Path(self.unit).stem
        chosen = deployable if len(deployable) == 1 else [one for one in deployable if one.name == stem]
        if not chosen:
            names = ", ".join(one.name for one in deployable)
            raise CompileError(
                f"{self.unit} has several contracts: {names}",
                "which one?",
                f"{self.unit}:{deployable[0].name}",
            )
        return chosen[0]


def compile_source(source: Path, options: Options) -> Compilation:
    """Compile one file and what it imports; CompileError shows the offending lines."""
    if source.suffix == ".vy":
        return _compile_vyper(source, options)
    planned = Planner(options).plan(source)
    found = planned.found
    request = standard_json.request(
        found.contents,
        [str(one) for one in found.remappings],
        planned.settings,
        planned.compiler.version,
    )
    name = planned.compiler_name
    key = request_key(name, request)
    kept = f"{key}-{storage.VERSION}"
    answer = cache.load(options.cache, kept)
    if answer is None:
        answer = planned.compiler.run(request)
        standard_json.raise_errors(answer)
        storage.complete(answer)
        cache.store(options.cache, kept, answer)
    return Compilation(
        unit=planned.unit,
        compiler=name,
        source_hash=key,
        contracts=tuple(standard_json.contracts(answer)),
        warnings=tuple(standard_json.warnings(answer)),
        source_maps=standard_json.source_maps(answer, found.contents),
    )


def _compile_vyper(source: Path, options: Options) -> Compilation:
    compiler = vyper.find(options.variables)
    contract = compiler.compile(source, options.evm_version)
    text = source.read_bytes()
    return Compilation(
        unit=contract.unit,
        compiler=f"vyper {compiler.version}",
        source_hash=hashlib.sha256(text).hexdigest(),
        contracts=(contract,),
    )
