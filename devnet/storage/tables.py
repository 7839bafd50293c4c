"""The format: which keys exist and what stands under them. All numbers are big-endian, so that keys sort by
number.

    m mini:u64            mini-block record
    b block:u64           last mini-block:u64, then the block record
    t transaction hash    mini-block:u64, index in it:u32
    H block hash          block:u64
    x block:u64           transactions in the chain up to its end:u64, where the log knows that
    s plain key           value in the snapshot; empty where genesis had one that is gone since
    c code hash           contract code
    h len:u8 key block:u64  value the key had before that block (empty = absent)
    n block:u64           the state commitment's nodes that the block changed, in rows, until the snapshot has them
    N node:u64            the node's commitment in the snapshot; zeros where genesis had one that is gone since
    A block:u64 prover    what a prover attests to (`proving/attestation.py`)
    R number:u64          the record of the chain's rollback with that number, from 1 (`sync/chain_rollback.py`)
    E id:u64              how many mini-blocks there were when `evm_snapshot` gave that id:u64
    ! name                meta, see below

Plain keys are 20 bytes (account) or 52 (storage slot); beside them stand, under 4 bytes, the metadata of SALT's
buckets that grew. The length stands in `h` keys because an account's key is the prefix of its slots' keys, whose
numbers would otherwise mix with block numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

FORMAT = 1

MINI = b"m"
BLOCK = b"b"
TRANSACTION = b"t"
BLOCK_HASH = b"H"
TX_TOTAL = b"x"
STATE = b"s"
CODE = b"c"
HISTORY = b"h"
BLOCK_NODES = b"n"
NODE = b"N"
ATTESTATION = b"A"
EVM_SNAPSHOT = b"E"
ROLLBACK = b"R"
ROLLBACK_BYTES = 89  # of a rollback's record; what is longer is a change of leader

META_IDENTITY = b"!identity"  # JSON, the same as in chain.json
META_GENESIS = b"!genesis"  # JSON, the genesis document
META_ORIGIN = b"!origin"  # u64: the number of the chain's first block, which the log does not hold; absent: 0
META_TIP = b"!tip"  # Tip: the newest mini-block and the newest block in the log
META_FIRST = b"!first"  # Tip: the log begins after it; absent: it begins with the chain
META_PRUNED = b"!pruned"  # Tip, of its mini-block one more: rows up to it are gone; absent: none were there
META_TX_TOTAL = (
    b"!transactions"  # u64: transactions in the chain up to the tip; absent: the log does not know
)
META_SNAPSHOT = b"!snapshot"  # Tip: the block that the snapshot stands at, and its last mini-block
META_NODES = (
    b"!nodes"  # Tip: where the nodes in `N` stand; they are good for nothing unless that is the snapshot
)
META_EVM_SNAPSHOTS = b"!evm_snapshots"  # u64: the id that `evm_snapshot` gives next
META_ROLLBACKS = b"!rollbacks"  # u64: how often the chain was rolled back before what the log holds now
META_VERIFIED = b"!verified"  # u64: all blocks up to it are verified
META_VALIDATED = b"!validated"  # anchor and tip of the node's own validator: block:u64 and hash of each

_U64 = struct.Struct(">Q")
_LOCATION = struct.Struct(">QI")
_PAIR = struct.Struct(">QQ")
_VALIDATED = struct.Struct(">Q32sQ32s")

U64_MAX = 2**64 - 1
NODE_ROW, NODE_NUMBER = 72, 8  # bytes of a row in `n`, and of the node's number in it

number = _U64.pack
read_location = _LOCATION.unpack
location = _LOCATION.pack
pair = _PAIR.pack
read_pair = _PAIR.unpack
validated = _VALIDATED.pack
read_validated = _VALIDATED.unpack


def read_number(data: bytes) -> int:
    """The u64 in exactly eight bytes."""
    value: int = _U64.unpack(data)[0]
    return value


def mini_key(mini: int) -> bytes:
    """Where a mini-block's record stands."""
    return MINI + number(mini)


def block_key(block: int) -> bytes:
    """Where a block's record stands."""
    return BLOCK + number(block)


def tx_total_key(block: int) -> bytes:
    """Where it stands how many transactions the chain holds up to a block's end."""
    return TX_TOTAL + number(block)


def nodes_key(block: int) -> bytes:
    """Where the nodes stand that a block changed."""
    return BLOCK_NODES + number(block)


def node_rows(rows: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(node's number, commitment) of rows."""
    for at in range(0, len(rows), NODE_ROW):
        yield rows[at : at + NODE_NUMBER], rows[at + NODE_NUMBER : at + NODE_ROW]


def attestation_key(block: int) -> bytes:
    """What the keys of all attestations to a block begin with."""
    return ATTESTATION + number(block)


def rollback_key(number_: int) -> bytes:
    """Where the record of a rollback stands."""
    return ROLLBACK + number(number_)


def evm_snapshot_key(identifier: int) -> bytes:
    """Where it stands what an id of `evm_snapshot` means."""
    return EVM_SNAPSHOT + number(identifier)


def history_prefix(key: bytes) -> bytes:
    """What all history of one plain key begins with."""
    return HISTORY + bytes((len(key),)) + key


def after(prefix: bytes) -> bytes:
    """The first key beyond all keys with that one-byte prefix."""
    return bytes((prefix[0] + 1,))
