"""A block's transactions executed again, by its chain's rules or another fork's, upon a state that is told."""
