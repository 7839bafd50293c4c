"""Stepping through what a transaction or call did: what is known at each instruction, ways to get about, the screen."""
