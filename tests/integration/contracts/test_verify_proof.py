"""verify proof: an account and its slots by eth_getProof's SALT proof, from a file, stdin or a node."""

import json

import pytest

from tests.support.wallet import address, deploy_emitter

SLOT = "0x0"


@pytest.fixture(scope="module")
def emitter(node):
    """A contract whose slot 0 holds 42, in a sealed block."""
    contract = deploy_emitter(node, sender=3)
    tip = node.height()
    node.sealed(tip + 2)
    return contract


@pytest.fixture
def answer(node, emitter):
    return node.rpc("eth_getProof", emitter, [SLOT, "0x1"], "latest")


def saved(path, document):
    path.write_text(json.dumps(document))
    return path


def header_of(node, answer):
    return node.rpc("eth_getBlockByHash", answer["saltProof"]["blockHash"], False)


def test_a_node_is_asked_and_not_believed(cli, emitter):
    result = cli("verify", "proof", "--address", emitter, "--slot", SLOT)
    assert result.code == 0, result.err
    assert "state witness" in result.out
    report = cli.json("verify", "proof", "--address", emitter, "--slot", SLOT)
    names = [check["name"] for check in report["checks"]]
    assert report["ok"]
    assert {"header hash", "state root", "state witness", "account", "storage"} <= set(names)


def test_a_file_is_checked_under_a_root_or_a_header(cli, node, answer, tmp_path):
    file = saved(tmp_path / "proof.json", answer)
    root = answer["saltProof"]["stateRoot"]
    header = saved(tmp_path / "block.json", {"result": header_of(node, answer)})
    for known in (("--state-root", root), ("--header", header)):
        result = cli("verify", "proof", file, *known)
        assert result.code == 0, result.err
        assert root in result.err
        assert "has not been checked" not in result.err
    assert "has not been checked" in cli("verify", "proof", file).err


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda answer: answer.update(balance="0x1"), "account"),
        (lambda answer: answer.update(nonce="0x9"), "account"),
        (lambda answer: answer["storageProof"][0].update(value="0x2b"), "storage"),
        (lambda answer: answer["storageProof"][1].update(value="0x1"), "storage"),
        (lambda answer: answer["saltProof"].update(dataBuckets="0x1"), "data buckets"),
        (lambda answer: answer["saltProof"].update(witness="v0:AAAA"), "state witness"),
        (lambda answer: answer.update(address=address(5)), "witness completeness"),
    ],
)
def test_a_lie_is_named(cli, answer, tmp_path, change, check):
    root = answer["saltProof"]["stateRoot"]
    change(answer)
    file = saved(tmp_path / "lie.json", answer)
    result = cli("verify", "proof", file, "--state-root", root)
    assert result.code == 1
    assert "the proof does not hold" in result.err
    assert check in result.err


def test_another_state_is_another_matter(cli, answer, tmp_path):
    file = saved(tmp_path / "proof.json", answer)
    result = cli("verify", "proof", file, "--state-root", "0x" + "11" * 32)
    assert result.code == 1
    assert "state root" in result.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("x.json", "--address", "0x" + "11" * 20), 2),
        (("missing.json",), 1),
        (("rubbish.json",), 1),
        (("nothing.json",), 1),
        (("nothing.json", "--state-root", "0x12"), 2),
    ],
)
def test_what_is_no_proof_is_an_error(megaeth, tmp_path, arguments, code):
    (tmp_path / "rubbish.json").write_text("{")
    (tmp_path / "nothing.json").write_text("{}")
    result = megaeth("verify", "proof", *arguments)
    assert result.code == code, result.err
    assert "Traceback" not in result.err
