"""A hardhat project is compiled with the compilers and settings that hardhat itself makes of its configuration."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from megaeth_cli.compile import Options, compile_source
from megaeth_cli.compile.pragma import Version
from megaeth_cli.compile.project import find_project
from megaeth_cli.compile.sources import collect
from tests.support import npm
from tests.support.cli import compiler_variables
from tests.support.solc import fetched_solc

CONFIGURATION = """\
console.log("Reading the configuration ...", process.env.MEGAETH_PRIVATE_KEY ?? "");
if (process.env.MEGAETH_PRIVATE_KEY) throw new Error("a secret");
module.exports = { solidity: {
  compilers: [
    { version: "0.8.19", settings: { optimizer: { enabled: true, runs: 77, details: { yul: true } }, viaIR: true } },
    { version: "0.8.29", settings: { evmVersion: "cancun", metadata: { bytecodeHash: "none" } } },
    { version: "0.7.6" },
  ],
  overrides: { "contracts/Old.sol": { version: "0.7.6", settings: { optimizer: { enabled: true, runs: 3 } } } },
} };
"""
LICENCE = "// SPDX-License-Identifier: MIT\n"


@pytest.fixture
def project(tmp_path):
    root = (tmp_path / "project").resolve()
    (root / "contracts").mkdir(parents=True)
    (root / "hardhat.config.js").write_text(CONFIGURATION)
    (root / "package.json").write_text("{}")
    return root


@pytest.fixture
def with_hardhat(project):
    (project / "node_modules").symlink_to(npm.installed("test-hardhat", npm.HARDHAT) / "node_modules")
    return project


def compiled(root: Path, name: str, pragma: str, notes=None, **flags):
    source = root / "contracts" / f"{name}.sol"
    source.write_text(
        f"{LICENCE}pragma solidity {pragma};\ncontract {name} {{ uint256 public x;"
        " function f(uint256 n) external { for (uint256 i = 0; i < n; ++i) x += i; } }\n"
    )
    variables = {**os.environ, **compiler_variables(), "MEGAETH_PRIVATE_KEY": "0x1"}
    say = (notes if notes is not None else []).append
    return compile_source(source, Options(Path(variables["MEGAETH_CACHE"]), variables, say=say, **flags))


def test_the_newest_compiler_that_the_pragmas_allow_and_overrides_count(with_hardhat):
    settings = {one.solc: one.settings for one in find_project(with_hardhat / "contracts/A.sol").compilers}
    assert list(settings) == ["0.8.19", "0.8.29", "0.7.6"]
    first = settings["0.8.19"]
    assert (first.optimize, first.runs, first.via_ir) == (True, 77, True)
    assert first.more["optimizer"] == {"details": {"yul": True}}
    assert (settings["0.8.29"].optimize, settings["0.8.29"].evm_version) == (False, "cancun")
    assert compiled(with_hardhat, "New", "^0.8.0").compiler == "solc 0.8.29"
    assert compiled(with_hardhat, "Old", ">=0.7.0").compiler == "solc 0.7.6"


def test_code_is_what_hardhat_makes(with_hardhat):
    soljson = fetched_solc(Version(0, 8, 29))
    (with_hardhat / "hardhat.config.js").write_text(
        'const { subtask } = require("hardhat/config");\n'
        'subtask("compile:solidity:solc:get-build", async () => '
        f'({{compilerPath: "{soljson}", isSolcJs: true, version: "0.8.29", longVersion: "0.8.29"}}));\n'
        'module.exports = { solidity: { version: "0.8.29", settings: { evmVersion: "cancun", '
        'metadata: { bytecodeHash: "none" } } } };\n'
    )
    ours = compiled(with_hardhat, "New", "^0.8.0").contract("New")
    command = ["node", "node_modules/hardhat/internal/cli/bootstrap.js", "compile"]
    subprocess.run(command, cwd=with_hardhat, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    artifact = json.loads((with_hardhat / "artifacts/contracts/New.sol/New.json").read_bytes())
    assert ours.bytecode == artifact["bytecode"].removeprefix("0x")


def test_flags_win_over_the_configuration(with_hardhat):
    plain = compiled(with_hardhat, "New", "^0.8.0").contract("New")
    optimised = compiled(with_hardhat, "New", "^0.8.0", optimize=True).contract("New")
    assert len(optimised.bytecode) < len(plain.bytecode)


def test_pragmas_that_no_configured_compiler_fits_get_another_and_it_is_said(with_hardhat):
    notes: list[str] = []
    assert compiled(with_hardhat, "Newer", ">=0.8.30", notes).compiler == "solc 0.8.37"
    assert len(notes) == 1 and "0.8.19, 0.8.29, 0.7.6" in notes[0]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is absent")
@pytest.mark.parametrize(
    ("configuration", "why"), [(CONFIGURATION, "not installed"), ("throw new Error('no key')", "no key")]
)
def test_what_was_not_read_is_said(project, configuration, why):
    (project / "hardhat.config.js").write_text(configuration)
    if why == "no key":
        (project / "node_modules").symlink_to(npm.installed("test-hardhat", npm.HARDHAT) / "node_modules")
    notes: list[str] = []
    assert compiled(project, "New", "^0.8.0", notes).compiler == "solc 0.8.37"
    assert len(notes) == 1
    assert "hardhat.config.js was not read" in notes[0] and why in notes[0]


def test_hardhat_3_is_read_as_well(project):
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if Version.parse(node) < Version(22, 10, 0):
        pytest.skip(f"hardhat 3 needs node 22.10, this is {node.strip()}")
    (project / "node_modules").symlink_to(
        npm.installed("test-hardhat-3", {"hardhat": "3.18.0"}) / "node_modules"
    )
    (project / "hardhat.config.js").unlink()
    (project / "package.json").write_text('{"type": "module"}')
    (project / "hardhat.config.ts").write_text(
        'import { defineConfig } from "hardhat/config";\nconst version: string = "0.8.19";\n'
        "export default defineConfig({ solidity: { compilers: [{ version, settings: { viaIR: true } }],\n"
        'overrides: { "contracts/Old.sol": { version: "0.7.6" } } } });\n'
    )
    found = find_project(project / "contracts" / "A.sol", variables=os.environ)
    assert found.notes == () and found.own_packages
    assert [(one.solc, one.settings.via_ir) for one in found.compilers] == [("0.8.19", True)]
    assert found.overrides["contracts/Old.sol"].solc == "0.7.6"


def two_packages_with_one_dependency_each(root: Path) -> Path:
    for package, value in (("one", 1), ("two", 2)):
        place = root / "node_modules" / package
        (place / "node_modules" / "@dep" / "d").mkdir(parents=True)
        (place / "node_modules" / "@dep" / "d" / "Value.sol").write_text(f"uint256 constant V = {value};")
        (place / "C.sol").write_text('import "./in/D.sol";')
        (place / "in").mkdir()
        (place / "in" / "D.sol").write_text('import "@dep/d/Value.sol";')
    source = root / "contracts" / "A.sol"
    source.write_text('import "one/C.sol"; import "two/C.sol"; import "@dep/d/Value.sol";')
    return source


def test_packages_have_packages_of_their_own_as_for_node(project):
    source = two_packages_with_one_dependency_each(project)
    shared = project / "node_modules" / "@dep" / "d"
    shared.mkdir(parents=True)
    (shared / "Value.sol").write_text("uint256 constant V = 3;")
    found = collect(find_project(source), [source])
    assert {unit for unit in found.contents if "Value" in unit} == {
        "@dep/d/Value.sol",
        "node_modules/one/node_modules/@dep/d/Value.sol",
        "node_modules/two/node_modules/@dep/d/Value.sol",
    }
    assert sorted(map(str, found.remappings)) == [
        "one/:@dep/d/=node_modules/one/node_modules/@dep/d/",
        "two/:@dep/d/=node_modules/two/node_modules/@dep/d/",
    ]
