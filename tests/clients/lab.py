"""Where clients are tried: a devnet, packages from npm in the user's cache, a directory to work in."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from megaeth_cli.compile import Options, compile_source
from megaeth_cli.compile.releases import DEFAULT
from tests.clients.report import add_lines, run_program
from tests.support import npm, wallet
from tests.support.cli import compiler_variables
from tests.support.node import Node
from tests.support.solc import fetched_solc, native_solc

PROGRAMS = Path(__file__).parent / "programs"
TOKEN = Path(__file__).parents[2] / "contracts" / "src" / "Token.sol"


class Lab:
    """What the suites share. `directory` is empty at first, and of one run."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.environment = {
            **os.environ,
            "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
            "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
        }

    @contextmanager
    def devnet(self, name, **settings):
        """A sequencer with those settings, for as long as the block lasts."""
        with Node(self.directory / name, **settings) as node:
            yield node
            assert "Traceback" not in node.log(), node.log()

    def workspace(self, name, packages=None):
        """An empty directory in which JavaScript finds the packages that lie in `packages`."""
        place = self.directory / name
        place.mkdir()
        if packages:
            (place / "node_modules").symlink_to(packages / "node_modules")
        return place

    def solc(self, version=DEFAULT):
        """An executable that behaves like a native solc of that release."""
        path = self.directory / f"solc-{version}" / "solc"
        return path if path.exists() else native_solc(path, fetched_solc(version))

    def token(self):
        """The compiled Token: `abi`, and `bytecode` with 0x."""
        cache = Path(compiler_variables()["MEGAETH_CACHE"])
        options = Options(cache, {**os.environ, "HOME": str(cache)}, solc=str(self.solc()))
        contract = compile_source(TOKEN, options).contract("Token")
        return {"abi": contract.abi, "bytecode": f"0x{contract.bytecode}"}

    def run_script(self, report, program, packages, arguments):
        """Run one of the scripts in `programs/` with node; note the checks that it makes."""
        place = self.directory / f"scripts-{packages.name}"
        if not place.exists():
            self.workspace(place.name, packages)
            shutil.copy(PROGRAMS / "checks.mjs", place)
        shutil.copy(PROGRAMS / program, place)
        command = [shutil.which("node"), place / program, json.dumps(arguments)]
        add_lines(report, run_program(command, cwd=place, environment=self.environment))


def arguments_of(node, *, key=9):
    """What the scripts are told of a devnet, and the development account that is theirs."""
    return {
        "url": node.url,
        "wsUrl": node.ws_url,
        "chainId": wallet.CHAIN_ID,
        "key": "0x" + wallet.ACCOUNTS[key].key.hex(),
        "to": wallet.address(1),
    }


def foundry(name):
    """Path of one of foundry's programs."""
    return npm.directory() / "node_modules" / "@foundry-rs" / f"{name}-{npm.SYSTEM}" / "bin" / name
