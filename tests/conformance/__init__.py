"""Ethereum's official state tests, run in every way the engine can execute a transaction."""
