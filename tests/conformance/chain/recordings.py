"""What lies in a directory: blocks with a witness, blocks with a prestate, captures of a node's answers."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from devnet.errors import UserError
from devnet.proving import prestate, stateless
from devnet.proving.checker import Report, read_report
from devnet.proving.recorded import RecordedBlocks
from tests.conformance.chain.captures import SUFFIX, Capture
from tests.conformance.chain.early_sets import LEFT_OUT, OLDER_ENCODING, RULES
from tests.conformance.chain.table import Outcome

Json = Any

WITNESS: Final = "witness"
PRESTATE: Final = "prestate"
CAPTURE: Final = "capture"

OF_A_WHOLE: Final = frozenset({"transactions root", "receipts root", "logs bloom", "block gas used"})
"""What a header says of all its transactions together, of which a capture may have only the first."""


def outcomes(directory: Path) -> Iterator[Outcome]:
    """Of every block that lies anywhere below."""
    for contracts in sorted(directory.rglob("contracts.txt")):
        yield from with_witness(contracts.parent)
    for file in sorted(directory.rglob("*.json.zst")):
        yield with_prestate(file)
    for file in sorted(directory.rglob(f"*{SUFFIX}")):
        yield captured(file.name, file.read_bytes())
    for file in sorted([*directory.rglob("*.tar.xz"), *directory.rglob("*.tar.gz")]):
        with tarfile.open(file) as archive:
            for member in archive:
                if member.name.endswith(SUFFIX):
                    yield captured(member.name, (archive.extractfile(member) or io.BytesIO()).read())


def with_witness(directory: Path, rules: Mapping[str, Json] | None = None) -> Iterator[Outcome]:
    """Recorded blocks, checked statelessly, by rules that are given, or else by those that are known of their chain."""
    blocks = RecordedBlocks(directory)
    base = Outcome(WITNESS, directory.name)
    for _ in (*directory.glob("stateless/witness/*.w"), *directory.glob("witness/*.w")):
        yield replace(base, left_out=OLDER_ENCODING)
    numbers = blocks.numbers()
    first = _hash(blocks, numbers[0]) if numbers else ""
    for number in numbers:
        one = replace(base, number=number)
        if first in LEFT_OUT:
            yield replace(one, left_out=LEFT_OUT[first])
            continue
        try:
            one = replace(one, chain_id=blocks.chain_id(number))
            material = blocks.material(number)
            wanted = stateless.code_hashes(material.witness)
            codes = [(each, blocks.codes[each]) for each in wanted if each in blocks.codes]
            known = rules or RULES.get(first) or {"chainId": one.chain_id}
            report = read_report(stateless.check(material, codes, known).raw)
        except UserError as error:
            yield replace(one, fork="?", difference=_words(error))
            continue
        yield _outcome(one, report)


def with_prestate(file: Path) -> Outcome:
    """A block with the state before it."""
    one = Outcome(PRESTATE, file.name)
    try:
        told = prestate.load(file)
        if told.block is None or told.chain_id is None:
            return replace(one, left_out="a state without a block")
        report = prestate.check(told, told.block, told.receipts, {"chainId": told.chain_id})
    except UserError as error:
        return replace(one, fork="?", difference=_words(error))
    return _outcome(replace(one, number=report.number, chain_id=told.chain_id), report)


def captured(name: str, data: bytes) -> Outcome:
    """A block as mega-evme has captured it, or its first transactions."""
    one = Outcome(CAPTURE, name)
    try:
        capture = Capture.read(data)
        block, of = capture.block()
        if not block["transactions"]:
            return replace(one, left_out="a capture without transactions")
        receipts = capture.receipts(block)
        if not receipts and len(block["transactions"]) < of:
            return replace(one, left_out="a part of a block, without receipts")
        report = prestate.check(capture.told(), block, receipts, {"chainId": capture.chain_id})
    except KeyError as error:
        return replace(one, left_out=f"a capture of something else: {error}")
    except (UserError, ValueError, TypeError) as error:
        return replace(one, fork="?", difference=_words(error))
    ignored = OF_A_WHOLE if len(block["transactions"]) < of else frozenset()
    one = replace(one, number=report.number, chain_id=capture.chain_id)
    return replace(_outcome(one, report, ignored), of=of)


def _outcome(one: Outcome, report: Report, ignored: frozenset[str] = frozenset()) -> Outcome:
    failed = next((check for check in report.checks if not check.ok and check.name not in ignored), None)
    executed = int(report.effort.get("transactions", 0))
    difference = None
    if failed is not None:
        difference = f"{failed.name}: claimed {failed.actual}, computed {failed.expected}"
    elif not any(check.name == "execution" for check in report.checks):
        difference = "it was not executed"
    fork = str(report.effort.get("fork", "before the first"))
    return replace(one, fork=fork, transactions=executed, of=executed, difference=difference)


def _hash(blocks: RecordedBlocks, number: int) -> str:
    """Nothing for a block that can't be read, which its check then tells."""
    try:
        return "0x" + blocks.material(number).hash.hex()
    except UserError:
        return ""


def _words(error: Exception) -> str:
    return ": ".join(str(part) for part in error.args) or repr(error)
