"""A contract tried out under Ethereum's rules and each of MegaETH's forks, on an engine without a chain."""
