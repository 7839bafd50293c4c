"""Measurements of the devnet against other tools, in one run on one machine (see README.md)."""
