"""A real node that compiles: what is called becomes native, stays so over restarts, and a tampered file is not used."""

import pytest

from devnet.jit.policy import WHOLE
from tests.support.bytecode import assemble, push
from tests.support.node import Node
from tests.support.waiting import eventually

# The sum of 1..n.
RUNTIME = assemble(
    "0 0 CALLDATALOAD loop: DUP1 ISZERO @end JUMPI DUP1 SWAP2 ADD SWAP1 1 SWAP1 SUB @loop JUMP "
    "end: POP 0 MSTORE 32 0 RETURN"
)
# The same where an argument is given, by another way where there are two; 7 stored where none is; and so much else
# that it is not compiled whole.
LARGE = (
    assemble(
        "CALLDATASIZE @sum JUMPI 7 0 SSTORE STOP sum: 0 0 CALLDATALOAD loop: DUP1 ISZERO @end JUMPI DUP1 SWAP2 ADD "
        "SWAP1 1 SWAP1 SUB CALLDATASIZE 32 LT @other JUMPI @loop JUMP end: POP 0 MSTORE 32 0 RETURN other: @loop JUMP"
    )
    + b"\x5b\x50" * WHOLE
)


def init(runtime):
    """Copies what comes behind it, and returns that."""
    size = push(len(runtime))
    head = 6 + 2 * len(size)
    assert push(0) == b"\x5f"
    return b"".join((size, push(head), push(0), b"\x39", size, push(0), b"\xf3")) + runtime


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path, jit__mode="eager") as node:
        yield node


def deploy(node, runtime=RUNTIME):
    [sender, *_] = node.rpc("eth_accounts")
    tx = node.rpc(
        "eth_sendTransaction", {"from": sender, "data": f"0x{init(runtime).hex()}", "gas": "0x5f5e100"}
    )
    return eventually(lambda: node.rpc("eth_getTransactionReceipt", tx), "the receipt")["contractAddress"]


def total(node, address, n, more="", **overrides):
    call = {"to": address, "data": f"0x{n:064x}{more}"}
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


def test_of_a_large_contract_what_is_called_becomes_native_and_the_rest_goes_on_interpreted(node):
    address = deploy(node, LARGE)

    def part():
        assert total(node, address, 1000) == 500500
        return native(node)

    found = eventually(part, "native code")
    assert 0 < found["nativeBytes"] < 100 < WHOLE < found["leftOutBytes"]
    assert (found["nativeWhole"], found["missedGas"]) == (False, 0)
    [sender, *_] = node.rpc("eth_accounts")
    tx = node.rpc("eth_sendTransaction", {"from": sender, "to": address, "gas": "0x5f5e100"})
    assert eventually(lambda: node.rpc("eth_getTransactionReceipt", tx), "the receipt")["status"] == "0x1"
    assert int(node.rpc("eth_getStorageAt", address, "0x0", "latest"), 16) == 7
    assert eventually(lambda: native(node)["missedGas"], "gas that was missed")

    node.stop()
    node.start()
    restarted = native(node)
    assert (restarted["fromCache"], restarted["nativeBytes"]) == (True, found["nativeBytes"])
    assert total(node, address, 2000) == 2001000


def test_what_was_left_out_is_compiled_too_when_it_matters(node):
    address = deploy(node, LARGE)

    def part():
        assert total(node, address, 1000) == 500500
        return native(node)

    def whole():
        # Some 300 million gas.
        n = 1 << 22
        assert total(node, address, n, more="00" * 32, unlimited=True) == n * (n + 1) // 2
        return native(node)["compilations"] > 1

    before = eventually(part, "native code")
    eventually(whole, "another compilation")
    after = native(node)
    assert (before["compilations"], after["compilations"]) == (1, 2)
    assert after["nativeBytes"] > before["nativeBytes"]
    assert after["runs"] > before["runs"]
    whole()
    assert native(node)["missedGas"] == after["missedGas"] > 0
