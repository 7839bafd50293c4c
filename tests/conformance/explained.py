"""`python -m tests.conformance.explained --fixtures DIR`: transactions of the real chain, explained from recordings.

DIR is that of `python -m tests.conformance.chain`. Each transaction is looked at as `megaeth tx explain HASH --file`
does it, without any node: executed after those before it in its block, on the state that the recording tells. How it
ended and the gas that it took must be those of its receipt, which the chain or a checked replay says.

Prints each disagreement as it finds it, and what failed with its explanation. Ends with 1 if there are disagreements,
and with 2 if nothing was explained.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devnet.errors import UserError
from devnet.proving.recorded import RecordedBlocks
from megaeth_cli.chain.verification import Rules
from megaeth_cli.contracts.network import Network
from megaeth_cli.env import Environment
from megaeth_cli.replay.source import Finder, ToldBlock
from megaeth_cli.replay.told_node import ToldNode
from megaeth_cli.traces.explanation import explain
from megaeth_cli.traces.names import Names
from megaeth_cli.traces.selectors import at_hand
from megaeth_cli.traces.subject import sent
from megaeth_cli.units import quantity
from tests.conformance.chain.captures import SUFFIX, Capture

AGREE, DISAGREE, UNKNOWN = 0, 1, 2
"""Exit codes."""


def main(arguments: list[str] | None = None) -> int:
    """Explains all that lies there."""
    description, ends = (__doc__ or "").rsplit("\n\n", 1)
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.explained",
        description=description,
        epilog=ends,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fixtures", type=Path, required=True, metavar="DIR")
    parser.add_argument("--each", type=int, default=1, metavar="N", help="only each N-th transaction (1)")
    options = parser.parse_args(arguments)
    if not options.fixtures.is_dir():
        parser.error(f"{options.fixtures} is no directory")
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as home:
        env = Environment(io.StringIO(), io.StringIO(), io.StringIO(), {"MEGAETH_HOME": home}, Path(home))
        for nth, told in enumerate(_transactions(options.fixtures)):
            if nth % options.each == 0:
                counts[_explained(env, told)] += 1
    print(", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())) or "nothing was explained")
    return DISAGREE if counts["differ"] else AGREE if counts["agree"] else UNKNOWN


def _explained(env: Environment, told: ToldBlock) -> str:
    assert told.place is not None
    hash_ = told.block["transactions"][told.place]["hash"]
    where = f"chain {told.rules['chainId']}, block {told.number:,}, {hash_}"
    try:
        network = Network(env, None, ToldNode(told))
        subject = sent(network, hash_)
        found = explain(network, subject, Names(network, at_hand(network, None)), forks=False)
    except UserError as error:
        print(f"{where}: {error.what}: {error.why}", file=sys.stderr, flush=True)
        return "left out"
    receipt: Any = subject.receipt
    wanted = quantity(receipt["gasUsed"]), quantity(receipt["status"]) == 1
    got = found.root.gas_used, not found.root.failed
    if got != wanted:
        print(f"{where}: gas and success {got}, the receipt has {wanted}", file=sys.stderr, flush=True)
        return "differ"
    if found.root.failed:
        print(f"{where}: {found.verdict.text}", flush=True)
    return "agree"


def _transactions(directory: Path) -> Iterator[ToldBlock]:
    for contracts in sorted(directory.rglob("contracts.txt")):
        yield from _recorded(contracts.parent)
    for file in sorted(directory.rglob(f"*{SUFFIX}")):
        yield from _captured(file)


def _recorded(directory: Path) -> Iterator[ToldBlock]:
    finder = Finder(Rules(None, None, None), _no_node, False, lambda _: None)
    for number in RecordedBlocks(directory).numbers():
        try:
            told = finder.in_file(directory, str(number))
        except UserError as error:
            print(f"block {number:,}: {error.what}", file=sys.stderr, flush=True)
            continue
        yield from (told.of(one["hash"]) for one in told.block["transactions"])


def _captured(file: Path) -> Iterator[ToldBlock]:
    try:
        capture = Capture.read(file.read_bytes())
        block, _ = capture.block()
        receipts = capture.receipts(block)
    except (KeyError, ValueError):
        return  # which `tests.conformance.chain` tells
    told = ToldBlock(
        block, receipts, (capture.told().state,), capture.capacities, {"chainId": capture.chain_id}, file.name
    )
    yield from (told.of(one["hash"]) for one in block["transactions"])


def _no_node() -> Any:
    raise AssertionError("no node is asked")


if __name__ == "__main__":
    sys.exit(main())
