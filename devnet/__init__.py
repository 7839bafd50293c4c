"""The network: roles, JSON-RPC, storage and synchronisation of a local MegaETH."""
