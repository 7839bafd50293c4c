"""What stands on every chain needs no deployment to be known."""

from tests.support.wallet import ACCOUNTS

ALICE = ACCOUNTS[0].address


def test_wrapped_ether_has_its_name_its_functions_its_events_and_its_variables(cli):
    sent = cli.send("WETH", "deposit", "--value", "3")
    assert sent["logs"][0]["event"] == "Deposit"
    assert sent["logs"][0]["arguments"] == {"dst": ALICE, "wad": "3"}
    assert cli.call("WETH", "symbol") == "WETH"
    diff = cli.json("inspect-diff", sent["transactionHash"])
    [weth] = [one for one in diff["accounts"] if one["name"] == "WETH"]
    assert [one["name"] for slot in weth["storage"] for one in slot["variables"]] == [f"balanceOf[{ALICE}]"]
    shown = cli("tx", "show", sent["transactionHash"])
    assert "WETH 0x4200000000000000000000000000000000000006" in shown.out and "deposit()" in shown.out
