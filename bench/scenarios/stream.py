"""How many bytes a transaction takes on the wire between nodes, and how many of them are its state diff.

A real sequencer's log under load goes through the framing and the compression of `devnet/sync`, mini-block by
mini-block, as a full node gets it; then the diffs alone go through a stream of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.loads import Load, Swaps, TokenTransfers
from bench.recording import Recording, record
from bench.results import Expectation, ratio
from bench.scenarios.scenario import Scale, Scenario
from devnet.rlp import members
from devnet.sync.compress import Compressor
from devnet.sync.frames import EntryFrame
from devnet.sync.log_offset import EntryKind, LogEntry

NAME = "stream"
TRANSACTIONS = 30_000
PUBLISHED, DIFF = "published raw diff", "diff on the wire"


def measure(load: Load, scale: Scale) -> Iterator[tuple[str, float, str]]:
    """Everything per transaction."""
    found = record(load, scale.of(TRANSACTIONS, least=2_000))
    count = found.transactions
    yield "transactions per mini-block", count / found.mini_blocks, "tx"
    yield "raw transaction", found.raw_bytes / count, "B/tx"
    yield PUBLISHED, load.published_diff_bytes, "B/tx"
    yield "raw diff of a lone one", found.lone_diff_bytes, "B/tx"
    diffs, diffs_sent = _sent(found, _diff)
    yield "diff merged in mini-blocks", diffs / count, "B/tx"
    yield DIFF, diffs_sent / count, "B/tx"
    yield "compression of merged diffs", diffs / diffs_sent, "x"
    records, records_sent = _sent(found, lambda entry: EntryFrame(entry).encode())
    yield "all content", records / count, "B/tx"
    yield "all on the wire", records_sent / count, "B/tx"
    yield "raw transaction / all", found.raw_bytes / records_sent, "x"
    published = load.published_diff_bytes * count
    yield "published raw diff / diff on the wire", published / diffs_sent, "x"
    yield "raw transaction and published diff / all", (found.raw_bytes + published) / records_sent, "x"


def _sent(recording: Recording, content: Callable[[LogEntry], bytes]) -> tuple[int, int]:
    """Bytes of the load before and after compression; what came before is context."""
    compressor = Compressor()
    for entry in recording.before:
        compressor.compress([content(entry)])
    plain = sent = 0
    for entry in recording.entries:
        piece = content(entry)
        plain += len(piece)
        sent += len(compressor.compress([piece])) if piece else 0
    return plain, sent


def _diff(entry: LogEntry) -> bytes:
    """The encoded state diff: the last member of a mini-block's record."""
    return members(entry.record)[-1] if entry.kind is EntryKind.MINI else b""


SCENARIO: Scenario[Load] = Scenario(
    NAME,
    "a sequencer's log through the compression between nodes",
    (TokenTransfers, Swaps),
    measure,
    (
        Expectation(
            "diff of a swap among a hot set: published / on the wire",
            5.0,
            "x",
            lambda m: ratio(m.get(NAME, Swaps.name, PUBLISHED), m.get(NAME, Swaps.name, DIFF)),
            at_least=True,
        ),
    ),
)
