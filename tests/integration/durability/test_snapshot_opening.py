"""A node that was killed while it opened a snapshot: what is left of that is not taken for a chain."""

import pytest

from devnet.roles.snapshot_to_open import PENDING
from devnet.snapshots.file import SnapshotFile
from devnet.snapshots.installing import checked_rows, genesis_of
from devnet.storage import Identity, Store
from devnet.storage.database import Tip

KEPT = "0x" + "77" * 20


@pytest.fixture
def snapshot(megaeth, new_node, tmp_path):
    """A file with an account that no other chain has."""
    with new_node("first", blocks__block_time_s=0.2) as node:
        node.rpc("anvil_setBalance", KEPT, "0x7")
        saved = megaeth("snapshot", "save", "kept", "--rpc-url", node.url)
        assert saved.code == 0, saved.err
    return tmp_path / "home" / ".snapshots" / "kept.megasnap"


def leave_behind(directory, snapshot, *, is_whole):
    """What a kill in the midst of it leaves: rows, and the mark; the log's end only if it came late."""
    directory.mkdir(parents=True)
    (directory / PENDING).write_text(str(snapshot))
    with SnapshotFile(snapshot) as file, Store.open(directory) as store:
        place = file.manifest.place
        genesis_hash = bytes.fromhex(place.genesis_hash[2:])
        store.create(Identity(place.chain_id, genesis_hash, place.settings), genesis_of(file))
        for rows in checked_rows(file):
            store.install(rows)
        if is_whole:
            store.restored(Tip(place.mini_block, place.block), 0, first=Tip(place.mini_block, place.block))


@pytest.mark.parametrize("is_whole", [False, True])
def test_the_next_start_opens_it_again_or_begins_a_chain_of_its_own(snapshot, new_node, is_whole):
    for name, chosen, balance in (("again", str(snapshot), 7), ("own", None, 0)):
        node = new_node(name, storage__snapshot=chosen)
        leave_behind(node.directory / "data", snapshot, is_whole=is_whole)
        node.start()
        assert int(node.rpc("eth_getBalance", KEPT, "latest"), 16) == balance
        assert not (node.directory / "data" / PENDING).exists()
        node.kill()
        node.start()
        assert int(node.rpc("eth_getBalance", KEPT, "latest"), 16) == balance
