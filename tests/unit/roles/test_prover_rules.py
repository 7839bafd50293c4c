"""A prover goes by the chain's rules: it waits for who knows them, and never makes up its own meanwhile."""

import asyncio
from types import SimpleNamespace

import pytest

from devnet.errors import UnavailableError
from devnet.roles import prover
from devnet.rpc.client import NodeSilentError
from devnet.rpc.errors import RpcFault

PLACE = SimpleNamespace(sequencer="http://127.0.0.1:1")
OWN = {"chainId": 6343, "spec": "rex5"}
ROLE = SimpleNamespace(
    config=SimpleNamespace(chain=SimpleNamespace(chain_id=6343, spec="rex5", interventions=True))
)


@pytest.fixture
def sequencer(monkeypatch):
    """Answers one thing after the other."""
    answers = []

    class Client:
        def __init__(self, url):
            assert url == PLACE.sequencer

        async def call(self, method):
            assert method == "mega_getChainRules"
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        def close(self):
            answers.append("closed")

    monkeypatch.setattr(prover, "NodeClient", Client)
    monkeypatch.setattr(prover, "RULES_AGAIN_S", 0.0)
    return answers


def rules():
    return asyncio.run(prover._rules(ROLE, PLACE))


def test_a_prover_waits_for_a_sequencer_that_is_away(sequencer):
    told = {**OWN, "interventions": True, "dataBuckets": 8}
    sequencer += [NodeSilentError("nobody there"), NodeSilentError("nobody there"), told]
    assert rules() == told
    assert sequencer == ["closed"]


def test_a_sequencer_that_knows_no_rules_has_those_of_the_settings(sequencer):
    sequencer += [RpcFault(-32601, "no such method")]
    assert rules() == OWN


def test_other_rules_than_the_settings_are_refused(sequencer):
    sequencer += [{**OWN, "chainId": 1}]
    with pytest.raises(UnavailableError, match="not this devnet's"):
        rules()
