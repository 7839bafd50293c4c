"""Hardhat 3: ignition, all network helpers, OpenZeppelin's upgrades; on a newer node than many machines have."""

import json
import platform
import shutil
from pathlib import Path

from megaeth_cli.compile.releases import DEFAULT
from tests.clients.lab import PROGRAMS
from tests.clients.report import add_lines, run_program
from tests.support import npm
from tests.support.solc import fetched_solc

_MACHINE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
EDR = f"edr-{platform.system().lower()}-{_MACHINE}" + ("-gnu" if platform.system() == "Linux" else "")
PACKAGES = {
    # npm leaves it out by itself when it runs on an older node.
    f"@nomicfoundation/{EDR}": "0.22.0",
    "node": "22.23.3",
    "hardhat": "3.18.0",
    "ethers": npm.CLIENTS["ethers"],
    "@nomicfoundation/hardhat-ethers": "4.2.0",
    "@nomicfoundation/hardhat-ignition": "3.1.8",
    "@nomicfoundation/hardhat-ignition-ethers": "3.1.6",
    "@nomicfoundation/hardhat-network-helpers": "3.0.11",
    "@nomicfoundation/hardhat-verify": "3.1.1",
    "@openzeppelin/contracts": "5.7.0",
    "@openzeppelin/contracts-upgradeable": "5.7.0",
    "@openzeppelin/hardhat-upgrades": "4.1.0",
}
CLIENT = "hardhat 3.18.0, hardhat-ignition 3.1.8, hardhat-network-helpers 3.0.11, OpenZeppelin's hardhat-upgrades 4.1.0"
TRIES = "`ignition deploy`, also from a script; all network helpers; transparent, UUPS and beacon proxies, upgraded"
_RULES = "refused: a block's header follows from the chain's rules, which provers check"
KNOWN = {
    "setBlockGasLimit": f"{_RULES}; `--gas-limit`",
    "setCoinbase": _RULES,
    "setNextBlockBaseFeePerGas": f"{_RULES}; `--base-fee`",
    "setPrevRandao": _RULES,
}
PROJECT = Path(__file__).parent / "projects" / "hardhat3"


def run(lab, report):
    """Make all checks."""
    packages = npm.installed("test-clients-hardhat-3", PACKAGES)
    project = lab.workspace("hardhat-project", packages)
    shutil.copytree(PROJECT, project, dirs_exist_ok=True)
    shutil.copy(PROGRAMS / "checks.mjs", project)
    with lab.devnet("hardhat", blocks__automine=True) as node:
        environment = {
            **lab.environment,
            "HARDHAT_IGNITION_CONFIRM_DEPLOYMENT": "false",
            "HARDHAT_DISABLE_TELEMETRY": "1",
            "RPC_URL": node.url,
            "SOLC": str(fetched_solc(DEFAULT)),  # takes that of npm as it is
            "SOLC_VERSION": str(DEFAULT),
        }

        def hardhat(*arguments):
            modules = packages / "node_modules"
            command = (
                modules / "node" / "bin" / "node",
                modules / "hardhat" / "dist" / "src" / "cli.js",
                *arguments,
            )
            return run_program(command, cwd=project, environment=environment)

        with report.check("build"):
            hardhat("build")
        with report.check("ignition deploy"):
            hardhat("ignition", "deploy", "ignition/modules/Boxes.js", "--network", "devnet")
            [record] = project.glob("ignition/deployments/*/deployed_addresses.json")
            box = json.loads(record.read_text())["Boxes#Box"]
            assert int(node.rpc("eth_call", {"to": box, "data": "0x3fa4f245"}, "latest"), 16) == 42
        for script in ("helpers", "upgrades"):
            add_lines(report, hardhat("run", "--no-compile", f"scripts/{script}.js", "--network", "devnet"))
