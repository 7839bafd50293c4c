"""What can be verified and proven of a chain's past: all of it, whether or not this process has seen it."""

import signal

import pytest

from tests.support.waiting import eventually
from tests.support.wallet import address, signed

FAST = {"blocks__mini_block_time_ms": 5, "blocks__block_time_s": 0.5}
NEWCOMERS = 300
BLOCKS = 3
"""That the newcomers are spread over, however fast the node is."""


def crowd(node):
    """Makes so many accounts, one transaction each, that a chain of one bucket outgrows it; the newest block."""
    raws = [signed(0, nonce, to=f"0x{0xCC << 152 | nonce:040x}", value="0x1") for nonce in range(NEWCOMERS)]
    share = NEWCOMERS // BLOCKS
    for begin in range(0, NEWCOMERS, share):
        *others, newest = raws[begin : begin + share]
        for raw in others:
            node.rpc("eth_sendRawTransaction", raw)
        last = int(node.rpc("realtime_sendRawTransaction", newest)["blockNumber"], 16)
        eventually(lambda last=last: node.height() > last, "the block to be sealed")
    return last


def price(node):
    """What it takes to send something to an account that does not exist yet."""
    call = {"from": address(1), "to": "0x" + "77" * 20, "value": "0x1"}
    return int(node.rpc("eth_estimateGas", call), 16)


def proof(node, block):
    return node.rpc("eth_getProof", address(0), [], hex(block))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_whole_history_is_verified_after_a_restart(new_node, megaeth, end):
    node = new_node(**FAST, chain__salt_data_buckets=1).start()
    first_price = price(node)
    last = crowd(node)
    proofs = {block: proof(node, block) for block in (0, 1, last // 2, last)}
    witness = node.rpc("mega_getBlockWitness", {"blockNumber": hex(last)})
    crowded_price = price(node)
    assert crowded_price > first_price

    node.process.send_signal(end)
    node.wait()
    node.start()
    assert price(node) == crowded_price
    verified = megaeth("verify", "block", "--range", f"1..{last}", "--rpc-url", node.url)
    assert verified.code == 0, verified.err
    assert f"{last} blocks" in verified.err
    assert node.rpc("mega_getBlockWitness", {"blockNumber": hex(last)}) == witness
    for block in reversed(proofs):
        assert proof(node, block) == proofs[block]
