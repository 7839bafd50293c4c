"""The network: roles, JSON-RPC, storage and synchronisation of a local MegaETH."""

__version__ = "0.1.0"
