"""What a node thinks of its blocks when the devnet's provers come and go."""

import asyncio

import pytest

from devnet.proving.incidents import Incidents
from devnet.proving.kept import Bounds
from devnet.roles.announcements import NOT_COUNTING
from devnet.roles.verification import Verification
from devnet.storage import Store
from devnet.sync.chain_rollback import ChainRollback
from tests.support.proving import AUTHORITY, CHAIN_ID, attest

UNBOUNDED = 2**63


class Engine:
    """Remembers the verified heights that it was told."""

    def __init__(self):
        self.told = []

    def set_verified(self, block):
        self.told.append(block)

    def block_claim(self, number):
        return None


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "node") as store:
        yield store


@pytest.fixture
def verifying(tmp_path, store):
    """Run a test with the verification of a node that has been started in a devnet with provers, or without any."""

    def run(has_provers, test):
        async def body():
            engine, died = Engine(), []
            incidents = Incidents(
                tmp_path / "evidence", "full-node-1", "full_node", Bounds(files=100, bytes=2**20)
            )
            verification = Verification(
                *(engine, store, incidents, CHAIN_ID, AUTHORITY, 1, has_provers, 1.0, died.append),
                contradicted=died.append,
                reported=died.append,
            )
            verification.start()
            test(verification, engine)
            verification.stop()
            assert not died

        asyncio.run(body())

    return run


def test_without_the_provers_that_a_devnet_once_had_nothing_waits_for_them(verifying, store, caplog):
    store.verified = 5

    def test(verification, engine):
        assert engine.told == []  # `safe` and `finalized` follow the newest sealed block
        assert verification.may_be_folded() == UNBOUNDED
        assert verification.announced == NOT_COUNTING
        assert verification.verified == 5

    verifying(False, test)
    assert "verified it up to block 5; it has none now" in caplog.text


def test_with_provers_the_counting_goes_on_where_it_was(verifying, store):
    store.verified = 5

    def test(verification, engine):
        assert engine.told == [5]
        assert verification.may_be_folded() == 5

    verifying(True, test)


def test_a_prover_that_is_added_again_begins_with_the_first_block_it_looks_at(verifying, store):
    store.verified = 5

    def test(verification, engine):
        assert verification.hear(attest(9, since=9).encode())
        assert verification.verified == 8
        assert engine.told == [8]
        assert verification.may_be_folded() == 8

    verifying(False, test)
    assert store.verified == 8


def test_a_devnet_that_never_had_any_says_nothing(verifying, caplog):
    def test(verification, engine):
        assert verification.may_be_folded() == UNBOUNDED

    verifying(False, test)
    assert caplog.text == ""


def keep(store, blocks):
    """The chain was rolled back so that these blocks stayed."""
    store.note_rollback(ChainRollback(store.rollbacks + 1, 10 * blocks, blocks, bytes(65)).encode())


def test_what_is_said_of_blocks_that_were_rolled_back_is_said_of_none(verifying, store):
    keep(store, 3)
    keep(store, 5)

    def test(verification, engine):
        for spoken, stands in [
            (attest(3), True),  # before all that, of a block that is still there
            (attest(4), False),
            (attest(4, rollbacks=1, name="prover-2"), True),
            (attest(6, rollbacks=1, name="prover-2"), False),
            (attest(6, rollbacks=2, name="prover-3"), True),
        ]:
            # Passed on in any case: others may stand elsewhere.
            assert verification.hear(spoken.encode())
            assert (spoken in verification.quorum.attestations(spoken.block)) == stands
        assert store.attestations(4, 4) == [(4, attest(4, rollbacks=1, name="prover-2").encode())]

    verifying(True, test)


def test_what_comes_before_the_rollback_that_it_is_about_waits_for_it(verifying, store):
    def test(verification, engine):
        ahead = attest(4, rollbacks=1)
        assert verification.hear(attest(4, block_hash=b"o" * 32).encode())
        assert verification.hear(ahead.encode())
        assert ahead not in verification.quorum.attestations(4)
        keep(store, 3)
        verification.rewound(3)
        # No double attestation: the first was of another block.
        assert verification.quorum.attestations(4) == (ahead,)

    verifying(True, test)


def test_the_verified_height_goes_back_with_the_chain(verifying, store):
    store.verified = 7

    def test(verification, engine):
        keep(store, 5)
        verification.rewound(5)
        assert verification.verified == verification.may_be_folded() == 5

    verifying(True, test)
