"""Contracts by name: what is known of those on a chain, which function is meant, what is needed to deploy one.

    artifacts (this machine's files) -> known_contracts (what is at an address) -> network (a chain as commands see it)

Not here: signing and sending (`megaeth_cli.transactions`).
"""
