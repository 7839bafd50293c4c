"""What `verify block` makes of the attestations that a node gives: signatures and words are checked, not believed."""

import pytest

from devnet.proving.checker import Check, Report
from devnet.proving.claim import Claim
from megaeth_cli.chain.attestations import words_on
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.output.verification import report_json, words_text
from tests.support.proving import AUTHORITY, CHAIN_ID, address, attest, claim
from tests.support.scripted_node import Refusal, scripted_node


def report(number=7, said=None):
    return Report(number, "0x00", (Check("everything", True),), claim=(said or claim(number)).to_json())


@pytest.fixture
def words():
    """What is made of a node's answer."""

    def ask(answer, of=None):
        with (
            scripted_node(mega_getAttestations=answer, eth_chainId=hex(CHAIN_ID)) as node,
            RpcClient(node.url) as client,
        ):
            return words_on(client, of or report())

    return ask


def test_a_word_that_says_what_was_found_out_agrees(words):
    [word] = words([attest(7).to_json()])
    assert word.agrees
    assert (word.signer, word.authority) == ("0x" + address().hex(), "0x" + AUTHORITY.hex())
    assert words_text([word]) == "attested by 1"


@pytest.mark.parametrize("part", ["block_hash", "parent_state_root", "state_root", "diff_digest"])
def test_a_word_that_says_something_else_is_named(words, part):
    other = Claim(**{name: getattr(claim(7), name) for name in Claim.__slots__} | {part: b"\x01" * 32})
    [word] = words([attest(7).to_json()], report(said=other))
    head, *tail = part.split("_")
    assert word.wrong == "it says another " + head + "".join(map(str.capitalize, tail))
    assert words_text([word]) == "attested by 1, 1 OTHERWISE"


def test_only_what_the_check_has_found_out_is_compared(words):
    [word] = words(
        [attest(7).to_json()], Report(7, "", (), claim={"blockHash": claim(7).to_json()["blockHash"]})
    )
    assert word.agrees


def test_a_word_under_which_another_name_stands_is_no_attestation(words):
    [word] = words([attest(7).to_json() | {"prover": "0x" + "11" * 20}])
    assert word.wrong == "not a signed attestation: somebody else has signed it"


def test_a_word_about_another_block_says_nothing_of_this_one(words):
    [word] = words([attest(8).to_json()])
    assert word.wrong == "it is about block 8"


def test_a_node_of_another_kind_knows_no_attestations(words):
    assert words(Refusal(-32601, "the method does not exist")) is None
    assert "attestations" not in report_json(report(), None)


def test_a_block_that_nobody_has_attested_to_has_none(words):
    assert words([]) == ()
    assert report_json(report(), ())["attestations"] == []
