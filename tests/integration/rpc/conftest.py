from types import SimpleNamespace

import pytest

from tests.support import wallet
from tests.support.anvil import anvil_like_a_devnet


@pytest.fixture(scope="session")
def emitter(node):
    """Return the address of a contract that logs and stores."""
    return wallet.deploy_emitter(node)


@pytest.fixture(scope="module")
def anvil(tmp_path_factory):
    """Anvil, for what both have."""
    with anvil_like_a_devnet(tmp_path_factory.mktemp("anvil")) as found:
        yield found


@pytest.fixture(scope="session")
def history(node, emitter):
    """A transaction that called the contract, in a sealed block, with everything that names it."""
    log_filter, block_filter = node.rpc("eth_newFilter", {"address": emitter}), node.rpc("eth_newBlockFilter")
    node.sealed(node.height() + 1)  # with nothing of other tests in the next block
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
