"""ethers: contracts, listeners, batches, the node's own signers."""

from tests.clients.lab import arguments_of
from tests.support import npm

CLIENT = f"ethers {npm.CLIENTS['ethers']}"
TRIES = "contracts, custom errors, a nonce manager, signers of the node; listeners over HTTP and WebSocket"
KNOWN = {}


def run(lab, report):
    """Make all checks, with blocks as MegaETH makes them."""
    with lab.devnet("ethers") as node:
        lab.run_script(report, "ethers.mjs", npm.directory(), {**arguments_of(node), **lab.token()})
