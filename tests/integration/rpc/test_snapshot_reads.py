"""`mega_openSnapshot` and `mega_readSnapshot`: what is read stands still, is bounded, and ends."""

import pytest

from devnet.snapshots.file import Frame
from devnet.storage import tables
from tests.support import wallet
from tests.support.node import RpcFailure


def read(node, snapshot):
    """All rows that are left of it."""
    rows = []
    while (given := node.rpc("mega_readSnapshot", snapshot)) is not None:
        rows += Frame(bytes.fromhex(given["frame"][2:]), given["contentBytes"]).rows()
    return rows


def test_it_ends_with_null_and_is_gone_then(node):
    opened = node.rpc("mega_openSnapshot")
    rows = read(node, opened["id"])
    block = node.rpc("eth_getBlockByNumber", hex(opened["place"]["block"]), False)
    assert (opened["place"]["block_hash"], opened["place"]["state_root"]) == (
        block["hash"],
        block["stateRoot"],
    )
    assert rows[0][0] == tables.META_GENESIS
    assert not [key for key, _ in rows if key[:1] == tables.MINI]
    with pytest.raises(RpcFailure, match="no such snapshot"):
        node.rpc("mega_readSnapshot", opened["id"])


def test_with_history_the_log_is_there_from_its_beginning_to_the_block(node):
    opened = node.rpc("mega_openSnapshot", {"history": True})
    wallet.send(node, 0, to=wallet.address(1), value="0x1")
    minis = [tables.read_number(key[1:]) for key, _ in read(node, opened["id"]) if key[:1] == tables.MINI]
    assert minis == list(range(opened["place"]["mini_block"] + 1))


def test_what_is_open_stands_still_while_the_chain_goes_on(node):
    opened = node.rpc("mega_openSnapshot", {"history": False})
    receipt = wallet.send(node, 0, to="0x" + "5a" * 20, value="0x1")
    assert int(receipt["blockNumber"], 16) > opened["place"]["block"]
    node.sealed(int(receipt["blockNumber"], 16))
    assert tables.STATE + b"\x5a" * 20 not in dict(read(node, opened["id"]))
    assert tables.STATE + b"\x5a" * 20 in dict(read(node, node.rpc("mega_openSnapshot")["id"]))


def test_no_more_than_some_are_read_at_a_time(node):
    opened = [node.rpc("mega_openSnapshot")["id"] for _ in range(4)]
    try:
        with pytest.raises(RpcFailure, match="being read already") as refused:
            node.rpc("mega_openSnapshot")
        assert refused.value.code == -32005
    finally:
        for each in opened:
            read(node, each)
    assert read(node, node.rpc("mega_openSnapshot")["id"])


@pytest.mark.parametrize("options", [5, "history", {"history": 1}, []])
def test_other_options_are_refused(node, options):
    with pytest.raises(RpcFailure, match="options must be an object") as refused:
        node.rpc("mega_openSnapshot", options)
    assert refused.value.code == -32602


def test_an_option_that_there_is_not_is_named(node):
    with pytest.raises(RpcFailure, match="unknown option histry") as refused:
        node.rpc("mega_openSnapshot", {"histry": True})
    assert refused.value.code == -32602


@pytest.mark.parametrize("snapshot", ["0x1", 5, {}])
def test_an_id_that_nobody_was_given_is_refused(node, snapshot):
    with pytest.raises(RpcFailure, match="no such snapshot") as refused:
        node.rpc("mega_readSnapshot", snapshot)
    assert refused.value.code == -32602
