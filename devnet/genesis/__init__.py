"""Block 0: who owns what and which contracts exist before the first transaction.

`accounts` turns a mnemonic into developer accounts, `build` puts those, the predeployed contracts and a
user's own allocation into one genesis document in geth's format. What the engine makes of it (state, root,
hash) is the engine's; MegaETH's system contracts (0x6342...) are deployed by its EVM in the first block and
are not listed here, but for SequencerRegistry: the engine gives it, with a system address that it can sign for.
"""

from devnet.genesis.accounts import DEFAULT_MNEMONIC, DevAccount, MnemonicError, derive
from devnet.genesis.build import (
    DEFAULT_BALANCE_WEI,
    GenesisError,
    GenesisFile,
    genesis,
    load_genesis,
    predeploys,
)

__all__ = [
    "DEFAULT_BALANCE_WEI",
    "DEFAULT_MNEMONIC",
    "DevAccount",
    "GenesisError",
    "GenesisFile",
    "MnemonicError",
    "derive",
    "genesis",
    "load_genesis",
    "predeploys",
]
