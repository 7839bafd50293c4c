from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from tests.support import wallet
from tests.support.anvil import running_anvil
from tests.support.node import RpcFailure
from tests.support.raw_http import RawHttp


@pytest.fixture(scope="session")
def emitter(node):
    """Return the address of a contract that logs and stores."""
    return wallet.deploy_emitter(node)


@pytest.fixture(scope="module")
def anvil(tmp_path_factory):
    """Anvil, for what both have, on a chain with the devnet's id and accounts; it is asked as a node is."""
    flags = ("--chain-id", str(wallet.CHAIN_ID), "--hardfork", "prague")
    with running_anvil(tmp_path_factory.mktemp("anvil"), *flags) as url:

        def rpc(method, *params):
            with RawHttp(urlsplit(url).port, timeout=30) as http_client:
                response = http_client.call(method, *params)
            if "error" in response:
                raise RpcFailure(response["error"])
            return response["result"]

        yield SimpleNamespace(rpc=rpc)


@pytest.fixture(scope="session")
def history(node, emitter):
    """A transaction that called the contract, in a sealed block, with everything that names it."""
    log_filter, block_filter = node.rpc("eth_newFilter", {"address": emitter}), node.rpc("eth_newBlockFilter")
    receipt = wallet.send(node, 0, to=emitter)
    block = node.sealed(int(receipt["blockNumber"], 16))
    receipt = node.rpc("eth_getTransactionReceipt", receipt["transactionHash"])
    return SimpleNamespace(
        emitter=emitter,
        sender=wallet.address(0),
        tx=receipt["transactionHash"],
        index=receipt["transactionIndex"],
        block=block["hash"],
        number=block["number"],
        receipt=receipt,
        log_filter=log_filter,
        block_filter=block_filter,
    )
