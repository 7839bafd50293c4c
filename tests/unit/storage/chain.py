"""A toy chain for storage tests: records are JSON, so that the tests can fold and replay them without an
engine.
"""

import json
from hashlib import sha256

from devnet._engine import SealedBlock, SealedMini
from devnet.storage import Identity

IDENTITY = Identity(6342, bytes(32), {"chain_id": 6342, "spec": "rex5"})


def row(node, content):
    """A node's number and its commitment."""
    return node.to_bytes(8) + bytes((content,)) * 64


COMPUTED = row(0, 0xCC) + row(5, 0xCC)
"""What the toy engine computes of any state."""


def sealed_mini(number, diff, tx_hashes=(), codes=()):
    """A mini-block that sets these values, and brings these contracts."""
    values = {key.hex(): value.hex() for key, value in diff.items()}
    hashes = [tx_hash.hex() for tx_hash in tx_hashes]
    record = json.dumps([values, [code.hex() for code in codes], hashes]).encode()
    return SealedMini(number, 0, 0, 0, record, list(tx_hashes))


def sealed_block(number, undo, nodes=b""):
    """The block that closes the mini-blocks before it."""
    name = b"block %d" % number
    return SealedBlock(number, sha256(name).digest(), name, undo, nodes)


def fold(records):
    """What `_engine.fold_diffs` does, over the toy's records."""
    merged, brought = {}, {}
    for record in records:
        if record.startswith(b"block"):
            continue
        diff, codes, _ = json.loads(record)
        merged.update({bytes.fromhex(key): bytes.fromhex(value) for key, value in diff.items()})
        brought.update({sha256(bytes.fromhex(code)).digest(): bytes.fromhex(code) for code in codes})
    return sorted(merged.items()), sorted(brought.items())


def index(records):
    """What `_engine.index_records` does, over the toy's records."""
    hashes, blocks, keys = [], [], set()
    for record in records:
        if record.startswith(b"block"):
            blocks.append(sha256(record).digest())
            continue
        diff, _, transactions = json.loads(record)
        keys.update(map(bytes.fromhex, diff))
        hashes += map(bytes.fromhex, transactions)
    return hashes, blocks, sorted(keys)


def build(diffs, minis_per_block):
    """Seals a list of diffs: mini-blocks, and a block after every `minis_per_block` of them."""
    state, before, sealed, height = {}, {}, [], 1
    for number, diff in enumerate(diffs):
        for key, value in diff.items():
            before.setdefault(key, state.get(key, b""))
            state[key] = value
        sealed.append(sealed_mini(number, diff, [sha256(b"tx %d" % number).digest()]))
        if number % minis_per_block == minis_per_block - 1:
            sealed.append(sealed_block(height, sorted(before.items())))
            before, height = {}, height + 1
    return sealed


class ToyEngine:
    """Takes what `restore` gives and remembers it."""

    def __init__(self):
        self.state, self.codes, self.minis, self.blocks, self.tip = {}, [], [], [], None
        self.loaded_nodes, self.block_nodes = b"", []

    def load_state(self, entries, codes):
        self.state.update(entries)
        self.codes += codes

    def load_nodes(self, rows):
        self.loaded_nodes += rows

    def load_tip(self, block_record):
        self.tip = block_record
        return not self.loaded_nodes

    def nodes(self):
        return COMPUTED

    def load_mini(self, record):
        self.minis.append(record)
        self.state.update(fold([record])[0])

    def load_block(self, record, nodes):
        self.blocks.append(record)
        self.block_nodes.append(nodes)

    @property
    def values(self):
        return {key: value for key, value in self.state.items() if value}
