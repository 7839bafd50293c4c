"""The clients that are tried, by the name that `--only` takes."""

from importlib import import_module

SUITES = ("web3-py", "viem", "ethers", "hardhat", "cast", "forge", "uniswap", "otterscan")


def load(name):
    """The module of a suite: `CLIENT`, `TRIES`, `KNOWN` and `run(lab, report)`."""
    return import_module(f"tests.clients.{name.replace('-', '_')}")


def differences(name):
    """What a client can't do as elsewhere: the names of checks by the reason."""
    suite = load(name)
    found = {}
    for check, reason in getattr(suite, "LISTED", suite.KNOWN).items():
        found.setdefault(reason, []).append(check)
    return found
