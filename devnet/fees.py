"""What a transaction offers when nobody says how much."""


def max_fee_per_gas(base_fee_wei: int, tip_wei: int) -> int:
    """Twice the base fee outlasts any rise; MegaETH's is fixed, and only what is due is paid."""
    return 2 * base_fee_wei + tip_wei
