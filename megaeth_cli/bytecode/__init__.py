"""Contracts' code as bytes: telling them by it, and from its instructions to lines of sources. Compiles nothing."""
