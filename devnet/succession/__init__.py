"""Who leads the chain, and who takes over (`docs/succession.md`)."""
