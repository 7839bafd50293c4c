"""Contracts are compiled, deployed, remembered, called and sent to by name."""

import re

from tests.integration.contracts.conftest import CONTRACTS
from tests.support.wallet import ACCOUNTS

BOB = ACCOUNTS[1].address
TOKEN_ARGUMENTS = ("MegaCoin", "MEGA", "1000000")


def test_deploy_shows_the_gas_split_the_block_and_the_cost(cli, node):
    result = cli("deploy", CONTRACTS / "Counter.sol")
    assert result.code == 0, result.err
    for part in ("Counter deployed", "address", "mini-block", "compute +", "storage", "ETH", "ms"):
        assert part in result.out
    body = cli.json("deploy", CONTRACTS / "Counter.sol")
    assert body["gasUsed"] == body["computeGas"] + body["storageGas"]
    assert int(body["costWei"]) == body["gasUsed"] * 1_000_000
    assert node.rpc("eth_getCode", body["address"], "latest") != "0x"


def test_a_deployed_contract_is_known_by_name(cli):
    cli.deploy("Counter")
    cli.send("Counter", "setNumber", "41")
    cli.send("Counter", "increment")
    assert cli.call("Counter", "number") == "42"
    assert cli.call("Counter", "number()(uint256)") == "42"


def test_constructor_arguments_come_from_the_command_line_or_a_file(cli, tmp_path):
    cli.deploy("Token", *TOKEN_ARGUMENTS)
    assert cli.call("Token", "totalSupply") == str(10**24)
    (tmp_path / "arguments.json").write_text('["Other Coin", "OTHR", 5]')
    cli.deploy("Token", "--constructor-args", "arguments.json")
    assert cli.call("Token", "symbol") == "OTHR"
    assert cli.call("Token", "totalSupply") == str(5 * 10**18)


def test_create2_gives_the_same_address_for_the_same_salt(cli):
    first = cli.deploy("Fibonacci", "--create2", "0x1234")
    again = cli("deploy", CONTRACTS / "Fibonacci.sol", "--create2", "0x1234")
    assert again.code == 1
    assert f"Fibonacci is already at {first}" in again.err
    assert cli.call("Fibonacci", "run", "10") == "55"


def test_several_files_and_remappings_compile(cli, source, tmp_path):
    source("contract Base { uint256 public base = 7; }", "deps/pkg/Base.sol")
    source("library Lib { function two() internal pure returns (uint256) { return 2; } }", "src/Lib.sol")
    path = source(
        'import {Lib} from "./Lib.sol";\nimport "@pkg/Base.sol";\n'
        "contract Top is Base { function get() external view returns (uint256) { return base * Lib.two(); } }",
        "src/Top.sol",
    )
    (tmp_path / "remappings.txt").write_text("@pkg/=deps/pkg/\n")
    cli.json("deploy", f"{path}:Top")
    assert cli.call("Top", "get") == "14"


def test_a_library_is_linked_by_its_deployed_name(cli, source):
    path = source(
        "library Sum { function add(uint256 a, uint256 b) public pure returns (uint256) { return a + b; } }\n"
        "contract Uses { function f() external pure returns (uint256) { return Sum.add(2, 3); } }"
    )
    missing = cli("deploy", f"{path}:Uses")
    assert missing.code == 2
    assert "needs the library Sum" in missing.err
    assert f"megaeth deploy {path}:Sum " in missing.err.replace("\n", " "), "the path as it was typed"
    mistyped = cli("deploy", f"{path}:Uses", "--library", f"Smu=0x{'11' * 20}")
    assert mistyped.code == 2
    assert "Uses links no such library" in mistyped.err and "did you mean Sum?" in mistyped.err
    assert "it links none" in cli("deploy", f"{path}:Sum", "--library", f"Sum=0x{'11' * 20}").err
    cli.json("deploy", f"{path}:Sum")
    cli.json("deploy", f"{path}:Uses")
    assert cli.call("Uses", "f") == "5"


def test_structs_arrays_and_negative_numbers_are_arguments(cli, source):
    path = source(
        "contract Shapes { struct P { int256 x; string s; }\n"
        "function f(P[] calldata ps, int8 d) external pure returns (int256 sum, string memory last) {\n"
        "for (uint256 i; i < ps.length; ++i) sum += ps[i].x; sum += d; last = ps[ps.length - 1].s; } }"
    )
    cli.json("deploy", path)
    assert cli.call("Shapes", "f", '[(-5,"a"),{"x": 7, "s": "b,c"}]', "-3") == ["-1", "b,c"]


def test_an_older_compiler_is_found_for_an_older_pragma(cli, tmp_path):
    path = tmp_path / "Old.sol"
    path.write_text("pragma solidity 0.7.6; contract Old { uint256 public n = 3; }")
    assert cli.json("deploy", path)["compiler"] == "solc 0.7.6"
    assert cli.call("Old", "n") == "3"


def test_the_exchange_trades_two_tokens(cli):
    gold = cli.deploy("Token", "Gold", "GLD", "1000000")
    silver = cli.deploy("Token", "Silver", "SLV", "1000000")
    cli.deploy("AmmRouter")
    for token in (gold, silver):
        cli.send(token, "approve", "AmmRouter", "1000000ether")
    cli.send("AmmRouter", "addLiquidity", gold, silver, "1000ether", "4000ether")
    quoted = int(cli.call("AmmRouter", "quote", "1ether", gold, silver))
    assert 39 * 10**17 < quoted < 4 * 10**18
    refused = cli("tx", "send", "AmmRouter", "swapExactIn", "1ether", str(quoted + 1), f"[{gold},{silver}]")
    assert refused.code == 1
    assert f"TooLittleOut(amount: {quoted}, minimum: {quoted + 1})" in refused.err
    before = int(cli.call(silver, "balanceOf", ACCOUNTS[0].address))
    cli.send("AmmRouter", "swapExactIn", "1ether", str(quoted), f"[{gold},{silver}]")
    assert int(cli.call(silver, "balanceOf", ACCOUNTS[0].address)) == before + quoted


def test_the_order_book_matches_best_price_first_and_pays_both_sides(cli):
    base = cli.deploy("Token", "Base", "BASE", "1000")
    quote = cli.deploy("Token", "Quote", "QUOTE", "1000000")
    cli.deploy("OrderBook", base, quote, "1ether")
    for token in (base, quote):
        cli.send(token, "approve", "OrderBook", "1000000ether")
    cli.send(quote, "transfer", BOB, "1000ether")
    cli.send(quote, "approve", "OrderBook", "1000000ether", "--from", "1")
    # Two asks at 12 and 10; a bid at 12 for three takes the cheaper one first.
    cli.send("OrderBook", "place", "true", "11", "2ether", "10")
    cli.send("OrderBook", "place", "true", "9", "2ether", "10")
    fill = cli.send("OrderBook", "place", "false", "11", "3ether", "10", "--from", "1")
    filled = [log["arguments"] for log in fill["logs"] if log.get("event") == "Filled"]
    assert [(one["tick"], one["amount"]) for one in filled] == [("9", str(2 * 10**18)), ("11", str(10**18))]
    assert cli.call(quote, "balanceOf", BOB) == str((1000 - 2 * 10 - 12) * 10**18)
    assert cli.call(base, "balanceOf", BOB) == str(3 * 10**18)
    cli.send("OrderBook", "cancel", "1")
    assert cli.call(base, "balanceOf", "OrderBook") == "0"
    stranger = cli("tx", "send", "OrderBook", "cancel", "1", "--from", "1")
    assert "NotOwner" in stranger.err


def test_players_walk_the_grid_and_bump_into_walls_and_each_other(cli):
    cli.deploy("GameGrid")
    cli.send("GameGrid", "join", "0", "0", "7")
    cli.send("GameGrid", "join", "2", "0", "9", "--from", "1")
    wall = cli("tx", "send", "GameGrid", "step", "0")
    assert "Wall(x: 0, y: 0, towards: 0)" in wall.err
    cli.send("GameGrid", "step", "1")
    taken = cli("tx", "send", "GameGrid", "step", "1")
    assert f"CellTaken(x: 2, y: 0, by: {BOB})" in taken.err
    cli.send("GameGrid", "walk", "[2,1,0]", "--from", "1")
    assert cli.call("GameGrid", "row", "0")[:4] == ["7", "7", "9", "9"]
    cli.send("GameGrid", "quit", "--from", "1")
    cli.send("GameGrid", "step", "1")
    assert cli.call("GameGrid", "players", ACCOUNTS[0].address)[4] == "1"


def test_values_of_an_enum_are_typed_by_name(cli):
    cli.deploy("GameGrid")
    cli.send("GameGrid", "join", "1", "1", "7")
    cli.send("GameGrid", "step", "Right")
    cli.send("GameGrid", "step(Direction)", "Down")
    cli.send("GameGrid", "walk", "[Direction.Left,Up]")
    assert cli.call("GameGrid", "players", ACCOUNTS[0].address)[:2] == ["1", "1"]
    unknown = cli("tx", "send", "GameGrid", "step", "North")
    assert unknown.code == 2
    assert "'North' is none of Up, Right, Down, Left" in unknown.err


def test_a_constructor_takes_an_enum_by_name(cli, source):
    path = source(
        "enum Mood { Calm, Angry } "
        "contract Moody { Mood public mood; constructor(Mood first) { mood = first; } }"
    )
    assert cli("deploy", path, "Angry").code == 0
    assert cli.call("Moody", "mood") == "1"


def test_quiet_prints_the_address_and_nothing_else(cli):
    deployed = cli("deploy", CONTRACTS / "Fibonacci.sol", "-q")
    assert deployed.code == 0
    assert re.fullmatch(r"0x[0-9a-fA-F]{40}\n", deployed.out)
    assert deployed.err == ""


def test_compiler_warnings_are_counted_and_shown_when_asked_for(cli, source):
    path = source("contract Warns { function f() external pure { uint256 a; uint256 b; } }")
    counted, shown = cli("deploy", path), cli("-v", "deploy", path)
    assert (counted.code, shown.code) == (0, 0)
    assert "compiler warnings (-v shows them)" in counted.err
    assert shown.err.count("Unused local variable") == 2
    assert "-v shows them" not in shown.err and "Unused" not in counted.err
