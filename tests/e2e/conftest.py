"""A project as its developer has it: sources, a compiler, and the tools that the field uses."""

import os
import subprocess
from pathlib import Path

import pytest

from megaeth_cli.compile import Options, compile_source, compilers
from megaeth_cli.compile.releases import DEFAULT
from tests.support import npm
from tests.support.cli import compiler_variables
from tests.support.solc import fetched_solc, native_solc

CONTRACTS = Path(__file__).parents[2] / "contracts"
CLIENT_S = 180


@pytest.fixture(scope="session")
def clients():
    return npm.directory()


@pytest.fixture(scope="session")
def cache(clients):
    return Path(compiler_variables()["MEGAETH_CACHE"])


@pytest.fixture(scope="session")
def solc(tmp_path_factory):
    """An executable that behaves like a native solc."""
    return native_solc(tmp_path_factory.mktemp("solc") / "solc", fetched_solc(DEFAULT))


@pytest.fixture(scope="session")
def token(solc, cache):
    """The compiled Token."""
    variables = {**os.environ, "HOME": str(cache)}
    compilation = compile_source(CONTRACTS / "src" / "Token.sol", Options(cache, variables, solc=str(solc)))
    assert isinstance(compilers.native(solc, variables), compilers.NativeCompiler)
    return compilation.contract("Token")


@pytest.fixture
def tool(clients, node, tmp_path):
    """Run a program against the node; return what it printed."""

    def run(*command, cwd=tmp_path):
        environment = {**os.environ, "ETH_RPC_URL": node.url, "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1"}
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=CLIENT_S,
            cwd=cwd,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def foundry(clients):
    """Path of one of foundry's programs."""
    return lambda name: clients / "node_modules" / "@foundry-rs" / f"{name}-{npm.SYSTEM}" / "bin" / name
