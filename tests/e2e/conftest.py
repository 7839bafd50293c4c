"""A project as its developer has it: sources, a compiler, and the tools that the field uses."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from megaeth_cli.compile import Options, compile_source, compilers
from megaeth_cli.compile import npm as compiler_npm
from tests.support import npm
from tests.support.cli import compiler_variables

CONTRACTS = Path(__file__).parents[2] / "contracts"
CLIENT_S = 180

# forge takes a native compiler only, and not every machine may fetch one: this gives it npm's.
SOLC = """\
#!/usr/bin/env node
if (process.argv.includes("--version")) {{
  const version = require("{directory}/node_modules/solc").version();
  console.log("solc, the solidity compiler commandline interface\\nVersion: " + version);
}} else {{
  require("{directory}/compile.js");
}}
"""


@pytest.fixture(scope="session")
def clients():
    return npm.directory()


@pytest.fixture(scope="session")
def cache(clients):
    return Path(compiler_variables()["MEGAETH_CACHE"])


@pytest.fixture(scope="session")
def solc(cache, tmp_path_factory):
    """An executable that behaves like a native solc."""
    fetched = dict(compiler_npm.fetched(cache))
    directory = fetched.get(compiler_npm.DEFAULT_VERSION) or compiler_npm.fetch(
        shutil.which("npm"), cache, compiler_npm.DEFAULT_VERSION
    )
    path = tmp_path_factory.mktemp("solc") / "solc"
    path.write_text(SOLC.format(directory=directory))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(scope="session")
def token(solc, cache):
    """The compiled Token."""
    variables = {**os.environ, "HOME": str(cache)}
    compilation = compile_source(CONTRACTS / "src" / "Token.sol", Options(cache, variables, solc=str(solc)))
    assert isinstance(compilers.native(solc), compilers.NativeCompiler)
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
