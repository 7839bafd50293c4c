"""A devnet's genesis document is what its own blocks verify by, and what MegaETH's validator asks of one."""

import json

from megaeth_cli.errors import ExitStatus

FORK_TIMES = (
    "miniRexTime", "rexTime", "rex1Time", "rex2Time", "rex3Time", "rex4Time", "rex5Time", "rex6Time",
)  # fmt: skip
OF_OPTIMISM = (
    "regolithTime", "canyonTime", "ecotoneTime", "fjordTime", "graniteTime", "holoceneTime", "isthmusTime",
)  # fmt: skip


def exported(megaeth, node, path):
    result = megaeth("devnet", "export", "genesis", "-o", path, "--rpc-url", node.url)
    assert result.code == 0, result.err
    return json.loads(path.read_text())


def test_the_document_has_what_a_validator_asks_for(megaeth, node, tmp_path):
    document = exported(megaeth, node, tmp_path / "genesis.json")
    config = document["config"]
    rules = node.rpc("mega_getChainRules")
    assert config == rules["config"]
    assert config["chainId"] == int(node.rpc("eth_chainId"), 16)
    assert [config[name] for name in (*FORK_TIMES, *OF_OPTIMISM)] == [0] * 15
    assert config["rex5InitialSequencer"] == config["rex5InitialAdmin"] == rules["sequencer"]
    assert config["rex6MinRotationDelay"] > 0
    block = node.rpc("eth_getBlockByNumber", "0x0", False)
    assert (document["timestamp"], document["gasLimit"]) == (block["timestamp"], block["gasLimit"])
    assert (document["coinbase"], document["extraData"]) == (block["miner"], block["extraData"])
    assert {"nonce", "difficulty", "mixHash", "baseFeePerGas", "alloc"} <= document.keys()


def test_blocks_verify_by_the_document_alone(megaeth, node, tmp_path):
    path = tmp_path / "genesis.json"
    document = exported(megaeth, node, path)
    node.sealed(3)
    arguments = ("verify", "block", "--range", "1..3", "--rpc-url", node.url, "--genesis")
    result = megaeth(*arguments, path)
    assert result.code == 0, result.err + result.out
    # And not by another, which stops at Rex5.
    del document["config"]["rex6Time"], document["config"]["rex6MinRotationDelay"]
    path.write_text(json.dumps(document))
    assert megaeth(*arguments, path).code == ExitStatus.FAILURE


def test_blocks_verify_by_the_rules_that_the_node_has_told_before(megaeth, node, tmp_path):
    path = tmp_path / "rules.json"
    rules = node.rpc("mega_getChainRules")
    path.write_text(json.dumps(rules))
    node.sealed(1)
    arguments = ("verify", "block", "1", "--rpc-url", node.url, "--chain-config", path)
    result = megaeth(*arguments)
    assert result.code == 0, result.err + result.out
    assert "hardfork Rex6, since genesis, by the genesis of chain 6343" in result.out
    for name, value, told in (
        ("config", {**rules["config"], "rex7Time": 5}, "rex7Time"),
        ("spec", "rex7", "rex7"),
        ("spec", "rex5", "leads to"),
    ):
        path.write_text(json.dumps({**rules, name: value}))
        result = megaeth(*arguments)
        assert result.code != 0
        assert told in result.err
    path.write_text("[]")
    assert megaeth(*arguments).code == ExitStatus.FAILURE


def test_a_file_that_is_there_is_not_replaced_unasked(megaeth, node, tmp_path):
    path = tmp_path / "genesis.json"
    path.write_text("mine")
    result = megaeth("devnet", "export", "genesis", "-o", path, "--rpc-url", node.url)
    assert result.code == ExitStatus.FAILURE
    assert "--force" in result.err
    assert path.read_text() == "mine"
    result = megaeth("devnet", "export", "genesis", "-o", path, "--force", "--rpc-url", node.url)
    assert result.code == 0
    # Without a file it goes to standard output.
    result = megaeth("devnet", "export", "genesis", "--rpc-url", node.url)
    assert json.loads(result.out) == json.loads(path.read_text())
