"""anvil as a process, where tests need another chain than a devnet, or something to compare with."""

import os
import re
import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.support import npm, wallet
from tests.support.node import RpcFailure
from tests.support.raw_http import RawHttp
from tests.support.waiting import eventually


class Anvil:
    """A running one."""

    def __init__(self, url):
        self.url = url
        self.port = urlsplit(url).port

    def rpc(self, method, *params):
        """Make one call; raise `RpcFailure` if it fails."""
        with RawHttp(self.port, timeout=30) as http_client:
            response = http_client.call(method, *params)
        if "error" in response:
            raise RpcFailure(response["error"])
        return response["result"]


@contextmanager
def running_anvil(directory, *flags):
    """Run anvil on a free port; it ends with the block."""
    binary = npm.installed("test-anvil", npm.ANVIL) / "node_modules" / npm.ANVIL_PACKAGE / "bin" / "anvil"
    said = directory / "anvil.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            [str(binary), "--port", "0", *flags],
            env={**os.environ, "HOME": str(directory)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        found = eventually(
            lambda: re.search(r"Listening on (\S+)", said.read_text()), "anvil to listen", deadline_s=60
        )
        yield Anvil(f"http://{found[1]}")
    finally:
        process.kill()
        process.wait()


def anvil_like_a_devnet(directory, *flags):
    """Run anvil on a chain with the devnet's id and accounts."""
    return running_anvil(directory, "--chain-id", str(wallet.CHAIN_ID), "--hardfork", "prague", *flags)
