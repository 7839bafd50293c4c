"""Waiting for a receipt that does not come: who sent the transaction is told what it waits for."""

import io
from pathlib import Path

import pytest

from megaeth_cli.contracts.network import Network
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError
from megaeth_cli.transactions import transact
from tests.support.scripted_node import Refusal, scripted_node

HASH = f"0x{'ab' * 32}"
SENDER = f"0x{'11' * 20}"
WAITS = {"kind": "nonce", "text": "waits for nonce 0 and 99 more, which nobody has sent"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (WAITS, "the node took the transaction, which waits for nonce 0 and 99 more, which nobody has sent"),
        (Refusal(-32000, "busy"), "the node took the transaction, which may still be included"),
    ],
)
def test_what_it_waits_for_is_said_where_the_node_tells(monkeypatch, tmp_path, told, said):
    monkeypatch.setattr(transact, "RECEIPT_TIMEOUT_S", 0.0)
    transaction = {
        **{"hash": HASH, "from": SENDER, "to": SENDER, "nonce": "0x64", "input": "0x", "value": "0x0"},
        **{"type": "0x0", "gas": "0x5208", "gasPrice": "0x1", "blockNumber": None},
    }
    if isinstance(told, Refusal):
        transaction = None
    env = Environment(
        io.StringIO(), io.StringIO(), io.StringIO(), {"MEGAETH_HOME": str(tmp_path)}, Path(tmp_path)
    )
    with scripted_node(
        eth_getTransactionReceipt=None, eth_getTransactionByHash=transaction, mega_txWaiting=told
    ) as node:
        network = Network(env, node.url)
        with pytest.raises(CliError) as failure:
            transact._receipt(network, HASH)
        network.node.close()
    assert failure.value.why == said
