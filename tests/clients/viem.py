"""viem: all actions of its test client in both modes, its public actions, its watchers."""

from tests.clients.lab import arguments_of
from tests.support import npm

CLIENT = f"viem {npm.CLIENTS['viem']}"
TRIES = (
    "test client `mode: 'anvil'` and `'hardhat'` (all actions), public and wallet actions, `watch*` over HTTP and "
    "WebSocket"
)
_RULES = "refused: a block's header follows from the chain's rules, which provers check"
_NO_FORK = "without a URL it goes back to a fork, and is refused where there is none, as anvil refuses it"
_FLAGS = {
    "setBlockGasLimit": f"{_RULES}; `--gas-limit`",
    "setCoinbase": _RULES,
    "setMinGasPrice": "refused, as anvil does: there is the base fee alone",
    "setNextBlockBaseFeePerGas": f"{_RULES}; `--base-fee`",
    "reset": _NO_FORK,
    "setRpcUrl": "what is forked is chosen when a chain begins (`--fork-url`)",
}
_ANVILS = "not offered under hardhat's name, by anvil and hardhat neither"
KNOWN = {
    **{f"{mode}: {name}": reason for mode in ("anvil", "hardhat") for name, reason in _FLAGS.items()},
    "anvil: setIntervalMining": "`evm_setIntervalMining` takes milliseconds, `anvil_setIntervalMining` seconds",
    "hardhat: setBlockTimestampInterval": _ANVILS,
    "hardhat: removeBlockTimestampInterval": _ANVILS,
}


def run(lab, report):
    """Make all checks."""
    with lab.devnet("viem", blocks__automine=True) as node:
        for mode in ("anvil", "hardhat"):
            lab.run_script(
                report, "test_client.viem.mjs", npm.directory(), {**arguments_of(node), "mode": mode}
            )
    with lab.devnet("viem-continuous") as node:
        lab.run_script(
            report, "public_client.viem.mjs", npm.directory(), {**arguments_of(node), **lab.token()}
        )
