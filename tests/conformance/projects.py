"""`python -m tests.conformance.projects`: well-known libraries, compiled by forge, by hardhat and by `megaeth deploy`.

Every library is fetched from npm and laid out as forge lays it out (lib/NAME, with the configuration that its
repository has) and as npm does (node_modules). In each layout one contract file imports a number of the library's
files; the tool compiles it among others, we compile it alone. Creation code and deployed code of every contract must
be the same but for metadata. forge's list of remappings must be ours, line for line.

Ends with 1 if anything differs or is compiled by the tool only. Needs node, npm and some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from megaeth_cli.compile import CompileError, Options, compile_source, forge_config
from megaeth_cli.compile.forge_remappings import remappings_of
from megaeth_cli.compile.pragma import Version
from tests.support import npm
from tests.support.cli import compiler_variables
from tests.support.solc import fetched_solc, native_solc

TOOL_S = 1800
# The CBOR at a contract's end, also of contracts inside others: multihash, then the compiler's version.
METADATA = re.compile(
    r"a[12]6[45]627a7a723[01]5820[0-9a-f]{64}(?:64736f6c6343[0-9a-f]{6}0032|0029)|a264697066735822[0-9a-f]{68}64736f6c6343[0-9a-f]{6}0033"
)

Code = dict[tuple[str, str], tuple[str, str]]
"""(unit, contract) -> creation code, deployed code; both in hex, without metadata."""


@dataclass(frozen=True)
class Layout:
    """A project with libraries in it."""

    name: str
    solc: str
    imports: tuple[str, ...]
    """What the project's file imports."""
    packages: dict[str, str]
    """Directory -> npm package, or `package/some/directory` of one with its own dependencies inside."""
    texts: dict[str, str] = field(default_factory=dict)
    """More files."""
    settings: str = ""
    """Lines of foundry.toml, or the `settings` of hardhat's configuration."""


OPENZEPPELIN = "@openzeppelin/contracts@5.7.0"
UPGRADEABLE = "@openzeppelin/contracts-upgradeable@5.7.0"
SOLADY, SOLMATE = "solady@0.1.26", "solmate@6.8.0"
V2_CORE, V2_PERIPHERY = "@uniswap/v2-core@1.0.1", "@uniswap/v2-periphery@1.1.0-beta.0"
V3_CORE, V3_PERIPHERY = "@uniswap/v3-core@1.0.1", "@uniswap/v3-periphery@1.4.4"
V4_CORE, V4_PERIPHERY = "@uniswap/v4-core@1.0.2", "@uniswap/v4-periphery@1.0.3"
UNISWAP_LIB = "@uniswap/lib@4.0.1-alpha"
OPENZEPPELIN_3 = "@openzeppelin/contracts@3.4.2-solc-0.7"

OF_OPENZEPPELIN = (
    "token/ERC20/extensions/ERC20Permit.sol",
    "token/ERC721/extensions/ERC721URIStorage.sol",
    "governance/TimelockController.sol",
    "governance/Governor.sol",
    "proxy/transparent/TransparentUpgradeableProxy.sol",
    "proxy/beacon/UpgradeableBeacon.sol",
    "finance/VestingWallet.sol",
    "access/manager/AccessManager.sol",
    "metatx/ERC2771Forwarder.sol",
    "utils/structs/EnumerableMap.sol",
)
OF_UPGRADEABLE = (
    "token/ERC20/extensions/ERC20VotesUpgradeable.sol",
    "governance/TimelockControllerUpgradeable.sol",
    "metatx/ERC2771ForwarderUpgradeable.sol",
    "access/manager/AccessManagerUpgradeable.sol",
)
OF_SOLADY = (
    "accounts/ERC4337Factory.sol",
    "utils/ERC1967Factory.sol",
    "utils/LibString.sol",
    "tokens/WETH.sol",
)
OF_SOLMATE = (
    "tokens/WETH.sol",
    "auth/authorities/RolesAuthority.sol",
    "utils/SSTORE2.sol",
    "utils/LibString.sol",
)
OF_V4 = ("PoolManager.sol", "ProtocolFees.sol", "test/PoolSwapTest.sol", "test/ActionsRouter.sol")
# What npm has of v3: libraries, bases and interfaces; no factory, pool or router.
OF_V3_CORE = (
    "libraries/Oracle.sol",
    "libraries/SwapMath.sol",
    "libraries/TickBitmap.sol",
    "libraries/Position.sol",
)
OF_V3_PERIPHERY = (
    "libraries/NFTDescriptor.sol",
    "libraries/PositionValue.sol",
    "libraries/OracleLibrary.sol",
    "base/LiquidityManagement.sol",
    "base/SelfPermit.sol",
)
REPOSITORY = '[profile.default]\nsrc = "contracts"\nout = "out"\nlibs = ["node_modules", "lib"]\n'


def below(prefix: str, files: Iterable[str]) -> tuple[str, ...]:
    """The files as somebody imports them."""
    return tuple(f"{prefix}/{one}" for one in files)


FORGE = (
    Layout(
        "openzeppelin",
        "0.8.37",
        (
            *below("@openzeppelin/contracts", OF_OPENZEPPELIN[:6]),
            *below("openzeppelin-contracts/contracts", OF_OPENZEPPELIN[6:]),
        ),
        {"lib/openzeppelin-contracts/contracts": OPENZEPPELIN},
        {
            "lib/openzeppelin-contracts/foundry.toml": REPOSITORY,
            "lib/openzeppelin-contracts/remappings.txt": "@openzeppelin/contracts/=contracts/\n",
            "lib/openzeppelin-contracts/certora/harnesses/Harness.sol": "",
        },
        "optimizer = true\n",
    ),
    Layout(
        "openzeppelin-upgradeable",
        "0.8.37",
        below("@openzeppelin/contracts-upgradeable", OF_UPGRADEABLE),
        {
            "lib/openzeppelin-contracts-upgradeable/contracts": UPGRADEABLE,
            "lib/openzeppelin-contracts-upgradeable/lib/openzeppelin-contracts/contracts": OPENZEPPELIN,
        },
        {
            "lib/openzeppelin-contracts-upgradeable/foundry.toml": REPOSITORY,
            "lib/openzeppelin-contracts-upgradeable/remappings.txt": (
                "@openzeppelin/contracts-upgradeable/=contracts/\n"
                "@openzeppelin/contracts/=lib/openzeppelin-contracts/contracts/\n"
            ),
            "lib/openzeppelin-contracts-upgradeable/lib/openzeppelin-contracts/foundry.toml": REPOSITORY,
        },
        'evm_version = "cancun"\noptimizer_runs = 10\nbytecode_hash = "none"\n',
    ),
    Layout(
        "solmate, solady",
        "0.8.30",
        (*below("solmate", OF_SOLMATE), *below("solady", OF_SOLADY)),
        {"lib/solmate/src": f"{SOLMATE}/src", "lib/solady/src": f"{SOLADY}/src"},
        {
            "lib/solmate/lib/ds-test/src/test.sol": "contract DSTest {}\n",
            "lib/solady/foundry.toml": '[profile.default]\nremappings = ["solady/=src/", "x/=test/x/"]\n',
        },
        "optimizer = true\noptimizer_runs = 1_000_000\ncbor_metadata = false\nbytecode_hash = 'none'\n",
    ),
    Layout(
        "uniswap v2-core",
        "0.5.16",
        ("v2-core/UniswapV2Factory.sol", "v2-core/UniswapV2ERC20.sol"),
        {"lib/v2-core/contracts": f"{V2_CORE}/contracts"},
        {},
        "optimizer = true\noptimizer_runs = 999999\n",
    ),
    Layout(
        "uniswap v2-periphery",
        "0.6.6",
        ("v2-periphery/UniswapV2Router02.sol", "v2-periphery/UniswapV2Migrator.sol"),
        {
            "lib/v2-periphery/contracts": f"{V2_PERIPHERY}/contracts",
            "lib/v2-core/contracts": f"{V2_CORE}/contracts",
            "lib/lib/contracts": "@uniswap/lib@1.1.1/contracts",
        },
        {"remappings.txt": "@uniswap/v2-core/=lib/v2-core/\n@uniswap/lib/=lib/lib/\n"},
        "optimizer = true\noptimizer_runs = 999999\n",
    ),
    Layout(
        "uniswap v3-core, v3-periphery",
        "0.7.6",
        (*below("v3-core", OF_V3_CORE), *below("v3-periphery", OF_V3_PERIPHERY)),
        {
            "lib/v3-core/contracts": f"{V3_CORE}/contracts",
            "lib/v3-periphery/contracts": f"{V3_PERIPHERY}/contracts",
            "node_modules/@uniswap/lib": UNISWAP_LIB,
            "node_modules/@uniswap/v2-core": V2_CORE,
            "node_modules/@openzeppelin/contracts": OPENZEPPELIN_3,
            "node_modules/base64-sol": "base64-sol@1.0.1",
        },
        {"remappings.txt": "@uniswap/v3-core/=lib/v3-core/\n"},
        "optimizer = true\noptimizer_runs = 800\n[profile.default.optimizer_details]\nyul = false\n",
    ),
    Layout(
        "uniswap v4-core, its own project",
        "0.8.26",
        below("src", OF_V4),
        {".": V4_CORE},
    ),
    Layout(
        "uniswap v4-periphery, its own project",
        "0.8.26",
        below("src", ("PositionDescriptor.sol", "lens/StateView.sol")),
        {".": V4_PERIPHERY},
    ),
    Layout(
        "permit2 and solmate as in git",
        "0.8.17",
        ("permit2/src/Permit2.sol", "solmate/src/tokens/WETH.sol", "permit2/src/libraries/Permit2Lib.sol"),
        {"lib/permit2": f"{V4_PERIPHERY}/lib/permit2", "lib/solmate": f"{V4_CORE}/lib/solmate"},
        {"remappings.txt": "solmate/=lib/solmate/\n"},
        'via_ir = true\noptimizer_runs = 1000000\nrevert_strings = "strip"\n',
    ),
    Layout(
        "v4-core and openzeppelin as in git",
        "0.8.26",
        (
            "v4-core/libraries/TickMath.sol",
            "openzeppelin-contracts/contracts/governance/TimelockController.sol",
            "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol",
        ),
        {"lib/v4-core": V4_CORE, "lib/openzeppelin-contracts": f"{V4_CORE}/lib/openzeppelin-contracts"},
        {},
        "optimizer_runs = 200\nuse_literal_content = true\n",
    ),
)

HARDHAT_LAYOUTS = (
    Layout(
        "openzeppelin, upgradeable",
        "0.8.28",
        (
            *below("@openzeppelin/contracts", OF_OPENZEPPELIN),
            *below("@openzeppelin/contracts-upgradeable", OF_UPGRADEABLE),
        ),
        {
            "node_modules/@openzeppelin/contracts": OPENZEPPELIN,
            "node_modules/@openzeppelin/contracts-upgradeable": UPGRADEABLE,
        },
        settings='{optimizer: {enabled: true, runs: 500}, evmVersion: "cancun"}',
    ),
    Layout(
        "solmate, solady",
        "0.8.30",
        (*below("solmate/src", OF_SOLMATE), *below("solady/src", OF_SOLADY)),
        {"node_modules/solmate": SOLMATE, "node_modules/solady": SOLADY},
    ),
    Layout(
        "uniswap v2",
        "0.6.6",
        ("@uniswap/v2-periphery/contracts/UniswapV2Router02.sol",),
        {
            "node_modules/@uniswap/v2-periphery": V2_PERIPHERY,
            "node_modules/@uniswap/v2-core": V2_CORE,
            "node_modules/@uniswap/lib": "@uniswap/lib@1.1.1",
        },
        settings="{optimizer: {enabled: true, runs: 999999}}",
    ),
    Layout(
        "uniswap v2-core",
        "0.5.16",
        ("@uniswap/v2-core/contracts/UniswapV2Factory.sol",),
        {"node_modules/@uniswap/v2-core": V2_CORE},
        settings='{optimizer: {enabled: true, runs: 999999}, evmVersion: "istanbul"}',
    ),
    Layout(
        "uniswap v3",
        "0.7.6",
        (
            *below("@uniswap/v3-core/contracts", OF_V3_CORE),
            *below("@uniswap/v3-periphery/contracts", OF_V3_PERIPHERY),
        ),
        {
            "node_modules/@uniswap/v3-core": V3_CORE,
            "node_modules/@uniswap/v3-periphery": V3_PERIPHERY,
            "node_modules/@uniswap/lib": UNISWAP_LIB,
            "node_modules/@uniswap/v2-core": V2_CORE,
            "node_modules/@openzeppelin/contracts": OPENZEPPELIN_3,
            "node_modules/base64-sol": "base64-sol@1.0.1",
        },
        settings='{optimizer: {enabled: true, runs: 800}, metadata: {bytecodeHash: "none"}}',
    ),
    Layout(
        "uniswap v4",
        "0.8.26",
        ("@uniswap/v4-core/src/PoolManager.sol", "@uniswap/v4-core/src/test/PoolSwapTest.sol"),
        {
            "node_modules/@uniswap/v4-core": V4_CORE,
            "node_modules/solmate": SOLMATE,
            "node_modules/@openzeppelin/contracts": OPENZEPPELIN,
        },
        settings='{viaIR: true, optimizer: {enabled: true, runs: 44444444}, evmVersion: "cancun"}',
    ),
)


@dataclass
class Result:
    """What came of one layout."""

    tool: str
    layout: Layout
    same: int = 0
    differing: list[str] = field(default_factory=list)
    ours_only: bool = False
    failure: str = ""
    remappings: str = ""

    @property
    def bad(self) -> bool:
        return bool(self.failure or self.differing or self.remappings.startswith("differ"))

    def __str__(self) -> str:
        told = self.failure or f"{self.same} contracts the same" + (
            f", {len(self.differing)} differ: {', '.join(self.differing[:5])}" if self.differing else ""
        )
        return f"| {self.tool} | {self.layout.name} | {self.layout.solc} | {told} | {self.remappings} |"


class Workshop:
    """Makes projects in a directory and has them compiled."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._cache = Path(compiler_variables()["MEGAETH_CACHE"])
        self._variables = {**os.environ, "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1"}

    def forge(self, layout: Layout) -> Result:
        """Compile a layout with forge and here."""
        root, source = self._project(
            "forge", layout, "src", {"foundry.toml": f"[profile.default]\n{layout.settings}"}
        )
        program = npm.directory() / "node_modules" / npm.FORGE / "bin" / "forge"
        solc = native_solc(root.parent / f"solc-{layout.solc}", fetched_solc(Version.parse(layout.solc)))
        config = json.loads(self._run([program, "config", "--json"], root))
        theirs = config["remappings"]
        ours = [str(one) for one in remappings_of(forge_config.load(root, self._variables))]
        told = f"{len(theirs)} the same" if theirs == ours else f"differ: {sorted(set(theirs) ^ set(ours))}"

        def code() -> Code:
            self._run(
                [
                    program,
                    "build",
                    "--use",
                    solc,
                    "--offline",
                    "--force",
                    source,
                    source.with_name("Other.sol"),
                ],
                root,
            )
            out = root / str(config["out"])
            bodies = [json.loads(path.read_bytes()) for path in out.rglob("*.sol/*.json")]
            return {
                target: (_bare(body["bytecode"]["object"]), _bare(body["deployedBytecode"]["object"]))
                for body in bodies
                if "metadata" in body
                for target in body["metadata"]["settings"]["compilationTarget"].items()
            }

        result = self._compared("forge", layout, root, source, code)
        result.remappings = told
        return result

    def hardhat(self, layout: Layout) -> Result:
        """Compile a layout with hardhat and here."""
        settings = layout.settings or "{}"
        soljson = fetched_solc(Version.parse(layout.solc))
        config = (
            'const { subtask } = require("hardhat/config");\n'
            'subtask("compile:solidity:solc:get-build", async () => '
            f'({{compilerPath: "{soljson}", isSolcJs: true, version: "{layout.solc}", '
            f'longVersion: "{layout.solc}"}}));\n'
            f'module.exports = {{ solidity: {{ version: "{layout.solc}", settings: {settings} }} }};\n'
        )
        root, source = self._project(
            "hardhat", layout, "contracts", {"hardhat.config.js": config, "package.json": "{}"}
        )
        installed = npm.installed("test-hardhat", npm.HARDHAT)
        for one in (installed / "node_modules").iterdir():
            target = root / "node_modules" / one.name
            if not target.exists():
                target.symlink_to(one)
            elif one.name.startswith("@"):
                for inner in one.iterdir():
                    if not (target / inner.name).exists():
                        (target / inner.name).symlink_to(inner)

        def code() -> Code:
            self._run(["node", "node_modules/hardhat/internal/cli/bootstrap.js", "compile"], root)
            return {
                (body["sourceName"], body["contractName"]): (
                    _bare(body["bytecode"]),
                    _bare(body["deployedBytecode"]),
                )
                for path in (root / "artifacts").rglob("*.json")
                if "bytecode" in (body := json.loads(path.read_bytes()))
            }

        return self._compared("hardhat", layout, root, source, code)

    def _compared(
        self, tool: str, layout: Layout, root: Path, source: Path, code: Callable[[], Code]
    ) -> Result:
        result = Result(tool, layout)
        notes: list[str] = []
        try:
            theirs = code()
        except subprocess.CalledProcessError as error:
            result.failure = f"{tool} fails: {(error.stdout + error.stderr).strip()[:300]!r}"
            return result
        options = Options(self._cache, self._variables, solc=None, say=notes.append, cwd=root)
        if tool == "forge":
            options = Options(
                self._cache, {**self._variables, "FOUNDRY_SOLC": layout.solc}, say=notes.append, cwd=root
            )
        try:
            compilation = compile_source(source, options)
        except CompileError as error:
            result.failure = f"{tool} compiles, we do not: {error.what}: {error.why[:300]!r}"
            return result
        for one in compilation.contracts:
            key = (one.unit, one.name)
            if key not in theirs:
                result.differing.append(f"{one.full_name} (not there)")
            elif (_bare(one.bytecode), _bare(one.runtime)) != theirs[key]:
                result.differing.append(one.full_name)
            elif one.bytecode:
                result.same += 1
        for note in notes:
            print(f"  {layout.name}: {note}", file=sys.stderr)
        return result

    def _project(self, tool: str, layout: Layout, sources: str, texts: dict[str, str]) -> tuple[Path, Path]:
        root = (self._directory / tool / re.sub(r"\W+", "-", layout.name)).resolve()
        for place, package in layout.packages.items():
            shutil.copytree(self._package(package), root / place, dirs_exist_ok=True)
        for name, text in {**texts, **layout.texts}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # A repository's own configuration stays.
            if not path.exists():
                path.write_text(text)
        imports = "".join(f'import * as I{n} from "{one}";\n' for n, one in enumerate(layout.imports))
        source = root / sources / "Everything.sol"
        source.parent.mkdir(parents=True, exist_ok=True)
        licence = "// SPDX-License-Identifier: MIT\npragma solidity >=0.4.22;\n"
        source.write_text(f"{licence}{imports}contract Everything {{ uint public one = 1; }}\n")
        source.with_name("Other.sol").write_text(f"{licence}contract Other {{ uint public two = 2; }}\n")
        return root, source

    def _package(self, text: str) -> Path:
        """`name@version/inner/directory` of npm."""
        scope, name, *inner = text.split("/") if text.startswith("@") else ("", *text.split("/"))
        return npm.unpacked("/".join(filter(None, (scope, name)))).joinpath(*inner)

    def _run(self, command: Iterable[object], cwd: Path) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=TOOL_S,
        )
        return done.stdout


def _bare(code: str) -> str:
    """Code without metadata; libraries that are not linked yet stand in for themselves, under any unit's name."""
    code = METADATA.sub("", code.removeprefix("0x"))
    return re.sub(r"__\$[0-9a-f]{34}\$__|__[^_]{1,36}_+", "_" * 40, code)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="Parts of layouts' names; all without.")
    parser.add_argument("--tool", choices=("forge", "hardhat"), help="One tool only.")
    arguments = parser.parse_args()
    print("| tool | layout | solc | contracts | remappings |\n|---|---|---|---|---|")
    bad = 0
    with tempfile.TemporaryDirectory(prefix="megaeth-projects-") as directory:
        workshop = Workshop(Path(directory))
        jobs = [("forge", one, workshop.forge) for one in FORGE] + [
            ("hardhat", one, workshop.hardhat) for one in HARDHAT_LAYOUTS
        ]
        for tool, layout, compiled in jobs:
            chosen = not arguments.names or any(part in layout.name for part in arguments.names)
            if chosen and arguments.tool in (None, tool):
                result = compiled(layout)
                bad += result.bad
                print(result, flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
