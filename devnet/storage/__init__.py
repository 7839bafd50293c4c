"""What a node keeps on disk: the chain log, its indices, the state snapshot and the history of values, in
LevelDB.

    sealed mini-blocks --log thread--> Store.append: one write batch --> receipts may be handed out
                                            |
                       Snapshotter (own thread): folds the diffs of sealed blocks into the snapshot
                                            |
                       Pruner (own thread): forgets what is older than the window that is kept
                                            |
    start: restore.restore: snapshot + the log after it --> engine

`tables` is the format in one place. `store` puts together what reads and writes it: `chain_log`, `snapshot_rows`,
`attestations` and `evm_snapshots`, over one `database`; `rewind` has what a rollback takes from it. `archive` answers
the engine's questions about what left its memory. Records are opaque bytes here: encoding and decoding is the engine's.
A write has reached the operating system when `append` returns: it survives the death of the process, not the loss of
power.
"""

from devnet.storage.archive import StoreArchive
from devnet.storage.attestations import BlockRef, Validated
from devnet.storage.errors import Corrupted, OtherChain, StorageError, TooNew, Unwritable
from devnet.storage.identity import Identity
from devnet.storage.pruner import Pruned, Pruner
from devnet.storage.restore import restore
from devnet.storage.snapshot import Snapshotter
from devnet.storage.store import Store, ephemeral_directory, reset

__all__ = [
    "BlockRef",
    "Corrupted",
    "Identity",
    "OtherChain",
    "Pruned",
    "Pruner",
    "Snapshotter",
    "StorageError",
    "Store",
    "StoreArchive",
    "TooNew",
    "Unwritable",
    "Validated",
    "ephemeral_directory",
    "reset",
    "restore",
]
