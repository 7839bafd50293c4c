"""Behind a proxy, slots, calls, events and errors are those of the implementation, and that is said."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from megaeth_cli.abi import parse_signature
from tests.support.wallet import ACCOUNTS, CHAIN_ID

SOURCE = Path(__file__).parent / "Proxy.sol"
ALICE = ACCOUNTS[0].address
OWNER = 4


@pytest.fixture
def vault(cli):
    """The address of Vault's code, which a proxy runs on its own storage."""
    return cli.json("deploy", f"{SOURCE}:Vault")["address"]


def initial(cap):
    data = parse_signature("init(address,uint128)").encode_call([bytes.fromhex(ALICE[2:]), cap])
    return f"0x{data.hex()}"


def changed(cli, *arguments):
    """What a transaction changes in the account that it calls."""
    receipt = cli.send(*arguments)
    diff = cli.json("inspect-diff", receipt["transactionHash"])
    [account] = [one for one in diff["accounts"] if one["storage"]]
    return (
        account,
        {one["name"]: one["after"] for slot in account["storage"] for one in slot["variables"]},
        receipt,
    )


def check(cli, proxy, kind, own_name):
    account, variables, receipt = changed(cli, proxy, "add", "5")
    assert variables == {"used": "5", f"shares[{ALICE}]": "5"}
    assert account["name"] == own_name and account["proxy"]["kind"] == kind
    assert [one["name"] for one in account["proxy"]["implementations"]] == ["Vault"]
    assert [log["event"] for log in receipt["logs"]] == ["Added"]
    said = f"Vault behind {own_name or kind} {account['address']}"
    assert said in cli("inspect-diff", receipt["transactionHash"]).out
    shown = cli("tx", "show", receipt["transactionHash"])
    assert said in shown.out and "add(n: 5)" in shown.out and "Added(who: " in shown.out
    assert said in cli("call", proxy, "used").err
    assert cli.call(proxy, "used") == "5"
    refused = cli("tx", "send", proxy, "add", "500")
    assert "TooMuch(wanted: 500, cap: 100)" in refused.err


def test_an_eip_1967_proxy_is_read_by_its_implementation(cli, vault):
    created = cli.json("deploy", f"{SOURCE}:Door", vault, initial(100))
    diff = cli.json("inspect-diff", created["transactionHash"])
    [account] = [one for one in diff["accounts"] if one["storage"]]
    names = {one["name"]: one["after"] for slot in account["storage"] for one in slot["variables"]}
    assert names == {"eip1967.proxy.implementation": vault, "owner": ALICE, "cap": "100"}
    check(cli, "Door", "EIP-1967 proxy", "Door")


def test_a_clone_is_read_by_its_implementation(cli, vault):
    cli.json("deploy", f"{SOURCE}:Cloner")
    cli.send("Cloner", "clone", vault)
    clone = cli.call("Cloner", "newest")
    _, variables, _ = changed(cli, clone, "init", ALICE, "100")
    assert variables == {"owner": ALICE, "cap": "100"}
    check(cli, clone, "EIP-1167 clone", None)


def test_an_eip_7702_account_is_read_by_its_delegate(cli, node, vault):
    account = Account.from_key(ACCOUNTS[OWNER].key)
    nonce = int(node.rpc("eth_getTransactionCount", account.address, "pending"), 16)
    authorization = account.sign_authorization(
        {"chainId": CHAIN_ID, "address": bytes.fromhex(vault[2:]), "nonce": nonce + 1}
    )
    transaction = {
        "type": 4,
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "gas": 1_000_000,
        "maxFeePerGas": 2_000_000,
        "maxPriorityFeePerGas": 0,
        "to": account.address,
        "value": 0,
        "data": initial(100),
        "authorizationList": [authorization],
    }
    raw = account.sign_transaction(transaction).raw_transaction
    receipt = node.rpc("realtime_sendRawTransaction", f"0x{raw.hex()}")
    assert receipt["status"] == "0x1"
    check(cli, account.address, "EIP-7702 account", None)
    shown = cli("inspect-diff", receipt["transactionHash"]).out
    assert f"code     none -> delegates to Vault {vault}" in shown


def test_what_nobody_can_know_may_be_told(cli, source, vault, tmp_path):
    hidden = cli.json("deploy", f"{SOURCE}:Door", vault, initial(100))["address"]
    # Another machine, on which nothing was deployed.
    abi = tmp_path / "vault.json"
    artifacts = tmp_path / "home" / "artifacts" / str(CHAIN_ID)
    abi.write_text(json.dumps(json.loads((artifacts / "by-name" / "Vault.json").read_text())["abi"]))
    artifacts.rename(tmp_path / "gone")
    unknown = cli("call", hidden, "used")
    assert unknown.code == 2
    assert f"EIP-1967 proxy of {vault}" in unknown.err and "--abi FILE" in unknown.err
    assert cli.call(hidden, "used", "--abi", abi) == "0"
    sent = cli.send(hidden, "add", "5", "--abi", abi)
    assert [log.get("event") for log in sent["logs"]] == ["Added"]
    shown = cli("tx", "show", sent["transactionHash"], "--abi", abi)
    assert "add(n: 5)" in shown.out and "(as told)" in shown.out
    # A contract of this name that has other code, but the same functions and the same variables.
    like = source(
        SOURCE.read_text().split("pragma solidity ^0.8.20;")[1].split("/// EIP-1967")[0], "Like.sol"
    )
    cli.json("deploy", f"{like}:Vault")
    diff = cli.json("inspect-diff", sent["transactionHash"], "--as", f"{hidden}=Vault")
    names = {
        one["name"] for each in diff["accounts"] for slot in each["storage"] for one in slot["variables"]
    }
    assert names == {"used", f"shares[{ALICE}]"}
    assert cli.json("inspect-diff", sent["transactionHash"], "--as", "Vault")["accounts"] == diff["accounts"]
    wrong = cli("call", hidden, "used", "--as", "Vauld")
    assert wrong.code == 2 and "did you mean Vault?" in wrong.err
