"""Blocks of the real chain, executed again by the one replay (see `__main__`)."""
