"""Vyper sources, compiled by the `vyper` command where it is installed."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megaeth_cli.compile import processes
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.standard_json import NEWEST_EVM, Contract

_MAPPING = re.compile(r"HashMap\[([^,]+), (.+)\]")
_FIXED_BYTES = re.compile(r"bytes\d+")
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
        command = [self.path, "-f", ",".join(_FORMATS)]
        # 0.4.3 is the first with Prague; older ones get their default, which MegaETH runs as well.
        if evm_version is not None or self._knows_prague():
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
            abi, code, runtime, layout = done.stdout.strip().splitlines()
            return Contract(
                unit=str(source),
                name=source.stem,
                abi=json.loads(abi),
                bytecode=code.strip().removeprefix("0x"),
                runtime=runtime.strip().removeprefix("0x"),
                layout=solidity_layout(json.loads(layout)),
            )
        except ValueError as error:
            raise CompileError(f"vyper {self.version} answered something unknown", str(error)) from None

    def _knows_prague(self) -> bool:
        numbers = [int(part) for part in self.version.split("+")[0].split(".")[:3] if part.isdigit()]
        return numbers >= [0, 4, 3]


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


def solidity_layout(layout: dict[str, Any]) -> dict[str, Any]:
    """Vyper's layout in the form of Solidity's, for value types and mappings of them.

    Vyper does not tell what structs and arrays consist of: they are named by their first slot only.
    """
    types: dict[str, Any] = {}
    storage = []
    for name, place in sorted(
        _flatten(layout.get("storage_layout", {})), key=lambda item: int(item[1]["slot"])
    ):
        label = str(place["type"])
        _add_type(types, label, int(place.get("n_slots", 1)))
        storage.append({"label": name, "slot": str(place["slot"]), "offset": 0, "type": label})
    return {"storage": storage, "types": types}


def _flatten(layout: dict[str, Any], prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Variables of imported modules lie nested under the module's name."""
    found = []
    for name, place in layout.items():
        if "slot" in place:
            found.append((prefix + name, place))
        else:
            found += _flatten(place, f"{prefix}{name}.")
    return found


def _add_type(types: dict[str, Any], label: str, slots: int = 1) -> None:
    types[label] = {"encoding": "inplace", "label": label, "numberOfBytes": str(32 * slots)}
    if mapping := _MAPPING.fullmatch(label):
        key, value = mapping.groups()
        _add_type(types, value)
        # As a value every type fills its slot; as a key bytesN is hashed as the N high bytes of a word.
        size = key.removeprefix("bytes") if _FIXED_BYTES.fullmatch(key) else "32"
        types[f"key {key}"] = {"encoding": "inplace", "label": key, "numberOfBytes": size}
        # Vyper hashes the slot before the key, Solidity the key before the slot.
        types[label] |= {"encoding": "mapping", "key": f"key {key}", "value": value, "slotFirst": True}
