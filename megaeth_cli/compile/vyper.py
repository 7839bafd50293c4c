"""Vyper sources, compiled by the `vyper` command where it is installed."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from megaeth_cli.compile import processes
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.standard_json import NEWEST_EVM, Contract
from megaeth_cli.compile.vyper_layout import solidity_layout

_FORMATS = ("abi", "bytecode", "bytecode_runtime", "layout")


@dataclass(frozen=True)
class Vyper:
    """An installed Vyper."""

    path: str
    version: str
    variables: Mapping[str, str]

    def compile(self, source: Path, evm_version: str | None) -> Contract:
        """Compile one file; imports are Vyper's own affair."""
        if not source.is_file():
            raise CompileError(f"no such file: {source}", hint="check the path")
        # The tree of 0.4 tells imported modules as well, that of 0.3 has none.
        tree_format = "annotated_ast" if self._numbers >= [0, 4, 0] else "ast"
        command = [self.path, "-f", ",".join((*_FORMATS, tree_format))]
        # 0.4.3 is the first with Prague; older ones get their default, which MegaETH runs as well.
        if evm_version is not None or self._numbers >= [0, 4, 3]:
            command += ["--evm-version", evm_version or NEWEST_EVM]
        done = subprocess.run(
            [*command, str(source)],
            capture_output=True,
            text=True,
            check=False,
            env=processes.environment(self.variables),
        )
        if done.returncode != 0:
            raise CompileError("the source does not compile", done.stderr.strip() or done.stdout.strip())
        try:
            abi, code, runtime, layout, tree = done.stdout.strip().splitlines()
            return Contract(
                unit=str(source),
                name=source.stem,
                abi=json.loads(abi),
                bytecode=code.strip().removeprefix("0x"),
                runtime=runtime.strip().removeprefix("0x"),
                layout=solidity_layout(json.loads(layout), json.loads(tree)),
            )
        except ValueError as error:
            raise CompileError(f"vyper {self.version} answered something unknown", str(error)) from None

    @property
    def _numbers(self) -> list[int]:
        return [int(part) for part in self.version.split("+")[0].split(".")[:3] if part.isdigit()]


def find(variables: dict[str, str]) -> Vyper:
    """The installed Vyper."""
    path = shutil.which("vyper", path=variables.get("PATH"))
    if path is None:
        raise CompileError(
            "vyper is not installed", "a .vy source needs the Vyper compiler", "pip install vyper"
        )
    environment = processes.environment(variables)
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise CompileError(
            f"{path} does not run", done.stderr.strip()[-500:], "pip install --force-reinstall vyper"
        )
    return Vyper(path, done.stdout.strip(), variables)
