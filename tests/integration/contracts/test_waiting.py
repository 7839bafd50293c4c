"""`megaeth tx show` of what waits says what for, on real nodes."""

from tests.integration.contracts.conftest import CommandLine
from tests.support.wallet import ACCOUNTS


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
    assert f"nonce {following + 2} waits for nonce {following}, and 1 more" in found["text"]
    assert f"pending: nonce {following + 2} waits" in cli("tx", "show", hash_).out
    for _ in range(2):
        cli.send("--to", ACCOUNTS[8].address, "--from", "7")
    assert "pending" not in cli("tx", "show", hash_).out


def test_blocks_that_are_made_by_hand(megaeth, new_node):
    node = new_node(blocks__mining=False).start()
    by_hand = CommandLine(megaeth, node.url)
    hash_ = by_hand(
        "tx", "send", "--to", ACCOUNTS[1].address, "--no-wait", "--gas-limit", "60000"
    ).out.strip()
    if node.rpc("eth_getTransactionReceipt", hash_) is None:
        assert waiting(by_hand, hash_)["kind"] == "blocks"


def test_a_full_pool_says_whose_transactions_fill_it_and_which_settings_bound_it(megaeth, new_node):
    node = new_node(blocks__mining=False, pool__account_slots=2).start()
    by_hand = CommandLine(megaeth, node.url)
    send = "tx", "send", "--to", ACCOUNTS[1].address, "--no-wait", "--gas-limit", "60000"
    results = [by_hand(*send) for _ in range(8)]
    refused = next(result for result in results if result.code)
    assert "error: txpool is full" in refused.err
    assert f"{ACCOUNTS[0].address} has 2 transactions waiting" in refused.err
    assert "--pool-account-slots" in refused.err
    assert "--pool-slots" in refused.err
    assert "500 of an account" in refused.err
