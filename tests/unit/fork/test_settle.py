"""What a fork's settings leave open."""

import json
from dataclasses import replace

import pytest

from devnet._engine import published_spec
from devnet.config import ChainSettings, Config, ForkSettings
from devnet.fork.settle import settled
from devnet.storage.identity import CARD, Identity
from tests.support.scripted_node import scripted_node

REX4_ON_MAINNET = 1_777_000_000


def block(timestamp):
    return {"number": "0x10", "hash": "0x" + "ab" * 32, "timestamp": hex(timestamp)}


def config_of(url, **chain):
    return Config(chain=ChainSettings(**chain), fork=ForkSettings(url=url))


def test_without_a_fork_nothing_is_open(tmp_path):
    assert settled(Config(), tmp_path) == Config()


@pytest.mark.parametrize(
    ("remote", "chain", "expected"),
    [
        ((1, 5), {}, (1, "rex6")),
        ((1, 5), {"spec": "equivalence"}, (1, "equivalence")),
        ((1, 5), {"chain_id": 9}, (9, "rex6")),
        ((4326, REX4_ON_MAINNET), {}, (4326, "rex4")),
        ((4326, REX4_ON_MAINNET), {"spec": "rex5"}, (4326, "rex5")),
        ((6343, 1_790_000_000), {}, (6343, "rex6")),
    ],
)
def test_chain_id_and_rules_are_the_remotes_unless_others_are_wanted(tmp_path, remote, chain, expected):
    chain_id, timestamp = remote
    with scripted_node(eth_chainId=hex(chain_id), eth_getBlockByNumber=block(timestamp)) as node:
        found = settled(config_of(node.url, **chain), tmp_path)

    assert (found.chain.chain_id, found.chain.spec) == expected
    assert found.fork.block_number == 16


def test_a_fork_that_is_there_goes_on_as_it_was_without_its_remote(tmp_path):
    identity = Identity(77, b"\1" * 32, {"fork": "block 16 of chain 1", "spec": "rex4"})
    (tmp_path / CARD).write_bytes(identity.encode())
    config = config_of("http://127.0.0.1:1")

    found = settled(config, tmp_path)

    assert (found.chain.chain_id, found.chain.spec, found.fork) == (77, "rex4", config.fork)


@pytest.mark.parametrize("changes", [{"reset": True}, {}])
def test_another_chain_that_is_there_says_nothing(tmp_path, changes):
    fork = "block 16 of chain 1" if changes else "none"
    (tmp_path / CARD).write_bytes(Identity(77, b"\1" * 32, {"fork": fork, "spec": "rex4"}).encode())
    with scripted_node(eth_chainId="0x5", eth_getBlockByNumber=block(7)) as node:
        config = config_of(node.url)
        config = replace(config, storage=replace(config.storage, **changes))

        assert settled(config, tmp_path).chain.chain_id == 5


def test_the_schedule_is_that_of_megaeths_own_chains():
    assert published_spec(1, REX4_ON_MAINNET) is None
    assert published_spec(6342, 0) == "rex"
    assert json.dumps([published_spec(4326, time) for time in (0, 2**40)]) == '["mini-rex", "rex6"]'
