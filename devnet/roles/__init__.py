"""What runs in a process of its own: one module per role (`python -m devnet.roles.<role> --config FILE`)."""
