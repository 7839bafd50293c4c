"""Where an embedded validator goes on: behind what it has checked of this chain, and of no other."""

import asyncio
import json

import pytest

from devnet._engine import keccak256
from devnet.role_config import RoleConfig
from devnet.roles.announcements import Announcement
from devnet.roles.validation import MAX_SOURCES, Validation
from devnet.session import Role
from devnet.storage import BlockRef, Identity, Store, Validated
from devnet.storage.database import Tip
from tests.support.chain_log import MINIS_PER_BLOCK, MemoryLog, sealed
from tests.support.node import make_config


def reference(number, fork=""):
    return BlockRef(number, keccak256(f"{number}{fork}".encode()))


class Chain:
    """The engine's end: a chain of made-up hashes."""

    def __init__(self):
        self.fork_at, self.told, self.anchor = 2**63, [], None

    def call(self, method, params):
        given = json.loads(params)
        if method == "eth_getHeaderByNumber":
            number = int(given[0], 16)
            named = reference(number, "fork" if number >= self.fork_at else "")
            return json.dumps({"hash": "0x" + named.hash.hex()}).encode()
        self.told.append((method, given))
        return b"null"

    def validates_after(self, number, block_hash):
        self.anchor = BlockRef(number, block_hash)


class Rewinding:
    """A validator that is told where its chain was taken back to."""

    def __init__(self):
        self.blocks = []

    def rewind(self, block):
        self.blocks.append(block)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        opened.create(Identity(7, bytes(32), {}), b"{}")
        yield opened


@pytest.fixture
def resume(store, tmp_path):
    """Where a node that is started with this store goes on, and what its engine was told."""

    async def resumed(chain, rewound):
        role = RoleConfig(
            "full-node-1",
            Role.FULL_NODE,
            str(tmp_path),
            str(tmp_path),
            str(tmp_path),
            "token",
            make_config({}),
        )
        validation = Validation(role, chain, store, None, None)
        validation._validated = validation._resume()
        if rewound is not None:
            validation._validator = Rewinding()
            validation.rewound(rewound)
            assert validation._validator.blocks == [rewound]
        return validation._validated

    return lambda chain=None, rewound=None: asyncio.run(resumed(chain or Chain(), rewound))


def grow(store, blocks, first=0):
    log = MemoryLog(blocks * (MINIS_PER_BLOCK + 1))
    store.append(sealed(entry) for entry in log.entries[first * (MINIS_PER_BLOCK + 1) :])


def span(anchor, tip, fork=""):
    return Validated(reference(anchor), reference(tip, fork))


def test_a_node_that_never_validated_begins_where_its_log_does(store, resume):
    chain = Chain()
    assert resume(chain) == store.validated == span(0, 0)
    assert chain.anchor == reference(0)
    assert chain.told == [], "nothing is validated yet"
    grow(store, 3)
    assert resume() == span(0, 0)


def test_a_node_that_was_started_again_goes_on_and_says_how_far_it_had_come(store, resume):
    grow(store, 5)
    store.validated = span(0, 4)
    chain = Chain()
    assert resume(chain) == span(0, 4)
    tip = [4, "0x" + reference(4).hash.hex()]
    assert chain.told == [("mega_setValidatedBlocks", [tip, tip])]


def test_what_was_given_up_is_validated_no_longer(store, resume):
    grow(store, 5)
    store.validated = span(1, 5)
    store.truncate(3)
    assert resume() == store.validated == span(1, 3)


def test_blocks_of_another_chain_are_validated_anew(store, resume):
    grow(store, 5)
    store.validated = span(0, 5)
    chain = Chain()
    chain.fork_at = 4
    assert resume(chain) == store.validated == span(0, 0)


def test_a_log_that_ends_before_the_anchor_has_nothing_that_is_validated(store, resume):
    grow(store, 2)
    store.validated = span(4, 5)
    assert resume() == span(0, 0)


def test_behind_a_snapshot_it_begins_anew(store, resume):
    store.validated = span(0, 5)
    store.installed(Tip(9 * MINIS_PER_BLOCK - 1, 9))
    assert resume() == span(9, 9)


@pytest.mark.parametrize(("block", "then"), [(5, (2, 5)), (4, (2, 4)), (2, (2, 2)), (1, (1, 1))])
def test_a_rollback_takes_what_is_validated_back_too(store, resume, block, then):
    grow(store, 5)
    store.validated = span(2, 5)
    chain = Chain()
    assert resume(chain, rewound=block) == store.validated == span(*then)
    assert chain.anchor == reference(then[0])
    if block == 4:
        named = [4, "0x" + reference(4).hash.hex()]
        assert chain.told[-1] == ("mega_setValidatedBlocks", [named, named])


def test_the_nodes_that_were_heard_of_last_are_asked_and_the_sequencer_always(store, tmp_path):
    async def sources():
        role = RoleConfig("full-node-1", Role.FULL_NODE, *(str(tmp_path),) * 3, "token", make_config({}))
        validation = Validation(role, Chain(), store, None, None)
        for number in [*range(MAX_SOURCES + 1), 1]:
            news = Announcement(f"node-{number}", 1, bytes(32), f"http://{number}", 0, 0, 0, 1, ())
            validation.heard_of(news)
        return [source.node for source in validation._witness_sources()]

    found = asyncio.run(sources())
    assert len(found) == MAX_SOURCES + 1
    assert {"sequencer", "node-1", "node-2"} <= set(found)
    assert "node-0" not in found
