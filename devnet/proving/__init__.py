"""Checking blocks, apart from producing them: nothing here trusts the node that made the block."""
