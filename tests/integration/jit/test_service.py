"""A real node that compiles: what is called becomes native, stays so over restarts, and a tampered file is not used."""

import pytest

from tests.support.bytecode import assemble, push
from tests.support.node import Node
from tests.support.waiting import eventually

# The sum of 1..n.
RUNTIME = assemble(
    "0 0 CALLDATALOAD loop: DUP1 ISZERO @end JUMPI DUP1 SWAP2 ADD SWAP1 1 SWAP1 SUB @loop JUMP "
    "end: POP 0 MSTORE 32 0 RETURN"
)
HEAD_SIZE = 10
# Copies what comes behind it, and returns that.
INIT = (
    b"".join((push(len(RUNTIME)), push(HEAD_SIZE), push(0), b"\x39", push(len(RUNTIME)), push(0), b"\xf3"))
    + RUNTIME
)


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path, jit__mode="eager") as node:
        yield node


def deploy(node):
    [sender, *_] = node.rpc("eth_accounts")
    tx = node.rpc("eth_sendTransaction", {"from": sender, "data": f"0x{INIT.hex()}", "gas": "0x5f5e100"})
    return eventually(lambda: node.rpc("eth_getTransactionReceipt", tx), "the receipt")["contractAddress"]


def total(node, address, n, **overrides):
    call = {"to": address, "data": f"0x{n:064x}"}
    return int(node.rpc("eth_call", call, "latest", {}, overrides), 16)


def native(node):
    found = node.rpc("mega_getNativeStatus")["contracts"]
    return next((one for one in found if one["state"] == "native"), None)


def test_called_contract_becomes_native_and_is_after_a_restart_unless_its_file_was_touched(node):
    address = deploy(node)
    assert total(node, address, 1000) == 500500
    assert not eventually(lambda: native(node), "native code")["fromCache"]
    assert total(node, address, 2000) == 2001000
    assert native(node)["runs"] > 0

    node.stop()
    node.start()
    assert native(node)["fromCache"]
    assert total(node, address, 3000) == 4501500

    node.stop()
    [path] = node.directory.rglob("*.native")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    node.start()
    assert native(node) is None
    assert total(node, address, 3000) == 4501500
    assert not eventually(lambda: native(node), "native code again")["fromCache"]


def test_call_that_runs_long_becomes_native_while_it_runs(node):
    address = deploy(node)
    # Takes the interpreter many times as long as compiling.
    n = 1 << 26
    assert total(node, address, n, unlimited=True) == n * (n + 1) // 2
    counted = native(node)
    # Most of it, after the compiler was done.
    assert counted["nativeGas"] > 0
    assert counted["interpretedGas"] > 0
