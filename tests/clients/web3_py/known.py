"""What can't hold of web3.py's own tests, and why, in either manner of mining.

A name alone stands for the tests of that name in all classes.
"""

MODES = ("automine", "continuous")

_ENS = "web3.py's own fault: its names are no text to the pyunormalize that is installed; nothing is asked of the node"
_TYPED = "web3.py's own fault: asynchronously it fails to look for names in typed data; nothing is asked of the node"
_AT_ONCE = (
    "`syncing` tells at once what `eth_syncing` says, before anything that web3.py pretends to have heard"
)
_OPEN = "the block that is open is null, as on MegaETH; `--open-block served` shows it"
_WAITS = "a transaction is in a block before anybody can look at it, or replace it, while it waits"
MAY_HOLD = (_ENS, _TYPED, _AT_ONCE, _WAITS)
"""Faults may be mended in the release that is installed, what is told at once may be what is pretended, and who is
quick may look at what waits for the next mini-block."""

KNOWN = {
    "test_eth_get_balance_with_block_identifier": "it wants the first block's miner to earn something",
    "test_invalid_eth_sign_typed_data": "refused, in words of its own",
    "test_eth_getBlockByHash_pending": _OPEN,
    "test_eth_getBlockByNumber_pending": _OPEN,
    "test_asyncio_gather_for_multiple_requests_matches_the_responses": _OPEN,
    "TestAsyncEth.test_eth_sign_typed_data": _TYPED,
    "TestAsyncEthOverWebSocket.test_eth_sign_typed_data": _TYPED,
    "test_async_eth_subscribe_syncing_mocked": _AT_ONCE,
    **dict.fromkeys(
        (
            "test_async_eth_get_storage_at_ens_name",
            "test_async_eth_sign_ens_names",
            "test_async_eth_sign_transaction_ens_names",
            "test_eth_get_balance_with_ens_name",
            "test_eth_get_code_ens_address",
            "test_eth_get_storage_at_ens_name",
            "test_eth_get_transaction_count_ens_name",
            "test_eth_sign_ens_names",
            "test_eth_sign_transaction_ens_names",
            "test_solidity_keccak_ens",
        ),
        _ENS,
    ),
    **dict.fromkeys(
        (
            "test_async_eth_get_transaction_receipt_unmined",
            "test_async_eth_replace_transaction",
            "test_async_eth_replace_transaction_gas_price_defaulting_minimum",
            "test_async_eth_replace_transaction_gas_price_defaulting_strategy_higher",
            "test_async_eth_replace_transaction_gas_price_defaulting_strategy_lower",
            "test_async_eth_replace_transaction_legacy",
            "test_async_eth_replace_transaction_underpriced",
            "test_eth_get_transaction_receipt_unmined",
            "test_eth_modify_transaction",
            "test_eth_modify_transaction_legacy",
            "test_eth_replace_transaction",
            "test_eth_replace_transaction_gas_price_defaulting_minimum",
            "test_eth_replace_transaction_gas_price_defaulting_strategy_higher",
            "test_eth_replace_transaction_gas_price_defaulting_strategy_lower",
            "test_eth_replace_transaction_legacy",
            "test_eth_replace_transaction_underpriced",
            "test_eth_wait_for_transaction_receipt_unmined",
        ),
        _WAITS,
    ),
}


def why(owner, name):
    """Why a test of the class `owner` can't hold; None if it has to."""
    return KNOWN.get(f"{owner}.{name}") or KNOWN.get(name)
