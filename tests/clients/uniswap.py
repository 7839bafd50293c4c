"""Uniswap v2 and v3 from their published artifacts."""

from tests.clients.lab import arguments_of
from tests.support import npm

PACKAGES = {
    "ethers": npm.CLIENTS["ethers"],
    "@uniswap/v2-core": "1.0.1",
    "@uniswap/v2-periphery": "1.1.0-beta.0",
    "@uniswap/v3-core": "1.0.1",
    "@uniswap/v3-periphery": "1.4.4",
}
CLIENT = "Uniswap v2-core 1.0.1, v2-periphery 1.1.0-beta.0, v3-core 1.0.1, v3-periphery 1.4.4"
TRIES = "the published artifacts: deployment, a pool, liquidity, swaps, fees; with MegaETH's gas"
KNOWN: dict[str, str] = {}


def run(lab, report):
    """Make all checks."""
    packages = npm.installed("test-uniswap", PACKAGES)
    for blocks in ("continuous", "automine"):
        with lab.devnet(blocks, blocks__automine=blocks == "automine") as node:
            lab.run_script(
                report, "uniswap.mjs", packages, {**arguments_of(node), **lab.token(), "blocks": blocks}
            )
