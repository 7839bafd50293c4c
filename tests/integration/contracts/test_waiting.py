"""`megaeth tx show` of what waits says what for, on real nodes."""

from tests.integration.contracts.conftest import CommandLine
from tests.support.wallet import ACCOUNTS, contract_address, signed, signed_with_hash

GROWS = "5f35806103de01905b6001815560010181811060085700"
"""Writes 990 slots, from the one that it is given on."""


def created(code):
    size = f"60{len(code) // 2:02x}"
    return f"0x{size}600c600039{size}6000f3{code}"


def waiting(cli, hash_):
    return cli.json("tx", "show", hash_)["waiting"]


def test_a_nonce_gap_names_the_nonce_that_is_missing(cli, node):
    account = ACCOUNTS[7]
    following = int(node.rpc("eth_getTransactionCount", account.address, "pending"), 16)
    sent = cli(
        "tx",
        "send",
        "--to",
        ACCOUNTS[8].address,
        "--from",
        "7",
        "--nonce",
        following + 2,
        "--no-wait",
        "--gas-limit",
        "60000",
    )
    assert sent.code == 0, sent.err
    hash_ = sent.out.strip()
    found = waiting(cli, hash_)
    assert found["kind"] == "nonce"
    text = f"waits for nonce {following} and 1 more, which nobody has sent"
    assert found["text"] == text
    assert f"pending: {text}" in cli("tx", "show", hash_).out
    line = node.rpc("txpool_inspect")["queued"][account.address][str(following + 2)]
    assert line == f"{ACCOUNTS[8].address}: 0 wei + 60000 gas \u00d7 2000000 wei; {text}"
    for _ in range(2):
        cli.send("--to", ACCOUNTS[8].address, "--from", "7")
    assert "pending" not in cli("tx", "show", hash_).out


def test_blocks_that_are_made_by_hand(megaeth, new_node):
    node = new_node(blocks__mining=False).start()
    by_hand = CommandLine(megaeth, node.url)
    hash_ = by_hand(
        "tx", "send", "--to", ACCOUNTS[1].address, "--no-wait", "--gas-limit", "60000"
    ).out.strip()
    found = waiting(by_hand, hash_)
    assert found["kind"] == "blocks"
    assert found["text"] == "waits for a block, which is made only when asked for; 0 before it"
    assert found["hint"] == "megaeth devnet mine"
    node.rpc("evm_mine")
    assert node.rpc("mega_txWaiting", hash_) is None


def test_a_full_block_names_the_limit_that_it_has_met_and_how_many_come_first(megaeth, new_node):
    node = new_node(blocks__mining=False).start()
    node.rpc("eth_sendRawTransaction", signed(4, 0, input=created(GROWS), gas=hex(50_000_000)))
    node.rpc("evm_mine")
    fields = {"to": contract_address(4, 0), "gas": hex(200_000_000)}
    raws = [signed_with_hash(4, n, input=f"0x{1_000 * n:064x}", **fields) for n in range(1, 5)]
    for raw, _ in raws:
        node.rpc("eth_sendRawTransaction", raw)
    node.rpc("evm_mine")
    block = int(node.rpc("eth_blockNumber"), 16)
    third, fourth = (waiting(CommandLine(megaeth, node.url), hash_) for _, hash_ in raws[2:])
    full = f"waits for another block, as block {block} has used 1980 of 1000 state growth"
    assert third["kind"] == fourth["kind"] == "limit"
    assert third["text"] == f"{full}; 0 before it"
    assert fourth["text"] == f"{full}; 1 before it"
    assert "it comes with one of the next" in third["hint"]
    lines = node.rpc("txpool_inspect")["pending"][ACCOUNTS[4].address]
    assert {nonce: line.partition("; ")[2] for nonce, line in lines.items()} == {
        "3": third["text"],
        "4": fourth["text"],
    }
    node.rpc("evm_mine")
    assert node.rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}


def test_a_full_pool_says_whose_transactions_fill_it_and_which_setting_bounds_it(megaeth, new_node):
    node = new_node(blocks__mining=False, pool__account_slots=2).start()
    by_hand = CommandLine(megaeth, node.url)
    send = "tx", "send", "--to", ACCOUNTS[1].address, "--no-wait", "--gas-limit", "60000"
    results = [by_hand(*send) for _ in range(8)]
    refused = next(result for result in results if result.code)
    full = "txpool is full: 2 transactions of this account wait, the most that --pool-account-slots allows"
    assert f"error: {full}" in refused.err
    assert "megaeth tx show HASH says what each waits for" in refused.err
