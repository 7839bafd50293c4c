"""A devnet of several nodes, as a person runs it."""

import os
import signal

from megaeth_cli.chain.rpc_client import RpcClient
from tests.support import wallet
from tests.support.home import Home
from tests.support.waiting import eventually


class Network:
    """A running devnet: its commands, its nodes, their RPC."""

    def __init__(self, path, *options):
        self.home = Home(path)
        self.options = options

    def __enter__(self):
        self.home.up("--ephemeral", *self.options)
        return self

    def __exit__(self, *_):
        self.home.__exit__()

    # --- nodes ---

    def node(self, name):
        return self.home.node(name)

    def at(self, name):
        """A node to be asked, as `tests.support.wallet` wants it."""
        return Asked(self.node(name)["endpoints"]["http"])

    def kill(self, name):
        """End a node without a warning; returns its pid."""
        pid = self.node(name)["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def run(self, *arguments):
        done = self.home.run("devnet", *arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        return done

    def log(self, name):
        return self.home.run("devnet", "logs", name, "-n", 100_000).stdout

    # --- waiting ---

    def until_verified(self, block, *names):
        for name in names or ("sequencer", "full-node-1", "full-node-2"):
            eventually(
                lambda name=name: (self.node(name).get("verified_height") or 0) >= block,
                f"{name} to verify {block}",
            )

    def until_height(self, name, block):
        eventually(lambda: (self.node(name)["height"] or 0) >= block, f"{name} to reach block {block}")

    def until_back(self, name, pid):
        """Until a node runs as another process and answers."""
        eventually(lambda: self.node(name)["alive"] and self.node(name)["pid"] != pid, f"{name} to come back")


class Asked:
    """One node's RPC."""

    def __init__(self, url):
        self.url = url

    def rpc(self, method, *params):
        with RpcClient(self.url) as client:
            return client.call(method, *params)

    def height(self, tag="latest"):
        return int(self.rpc("eth_getBlockByNumber", tag, False)["number"], 16)

    def transfer(self, sender=0, to=1):
        """Send a transfer through this node; its receipt."""
        return wallet.send(self, sender, to=wallet.address(to), value="0x1")
