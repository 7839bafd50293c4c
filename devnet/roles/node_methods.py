"""JSON-RPC methods about the network: what provers say, what stands in the log; and, for who knows the devnet's token,
incidents and deliberate faults (`devnet_...`).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import orjson

from devnet.errors import UserError
from devnet.jit.service import JitService
from devnet.proving.incidents import Incidents
from devnet.proving.kept import KeptFiles
from devnet.rpc import params
from devnet.rpc.dispatch import Handler
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params, refused
from devnet.storage import Store

MOST_BLOCKS: Final = 1_000
MOST_ATTESTATIONS: Final = 10_000
MOST_RECORDS: Final = 4_096
MOST_RECORD_BYTES: Final = 64 * 1024 * 1024

Lead = Callable[[], Awaitable[None]]
Follow = Callable[[str], Awaitable[None]]
"""Makes the node follow who answers JSON-RPC at that address."""

Inject = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Arms a fault: its kind and options; raises ValueError for what this node can't do."""


def chain_methods(store: Store) -> dict[str, Handler]:
    """What a node with a chain tells everyone."""

    async def attestations(given: list[object], call: Call) -> bytes:
        [first, last] = params.exactly(given, "first block", "last block")
        begin, end = params.number(first, "first block"), params.number(last, "last block")
        if end - begin >= MOST_BLOCKS:
            raise invalid_params(f"at most {MOST_BLOCKS} blocks at a time")
        found = await asyncio.to_thread(store.attestations, begin, end, MOST_ATTESTATIONS)
        return b"[%b]" % b",".join(data for _, data in found)

    async def mini_records(given: list[object], call: Call) -> bytes:
        [first, last] = params.exactly(given, "first mini-block", "last mini-block")
        begin, end = params.number(first, "first mini-block"), params.number(last, "last mini-block")
        if end - begin >= MOST_RECORDS:
            raise invalid_params(f"at most {MOST_RECORDS} mini-blocks at a time")
        return await asyncio.to_thread(_records, store, begin, end)

    async def block_records(given: list[object], call: Call) -> bytes:
        [number] = params.exactly(given, "block")
        return await asyncio.to_thread(_block_records, store, params.number(number, "block"))

    return {
        "mega_getAttestations": attestations,
        "mega_getMiniBlockRecords": mini_records,
        "mega_getBlockRecords": block_records,
    }


def _block_records(store: Store, block: int) -> bytes:
    found = store.block(block)
    if found is None:
        return b"null"
    before = store.block(block - 1) if block > 1 else None
    begin = before[0] + 1 if before is not None else 0
    parent = b'"0x%b"' % before[1].hex().encode() if before is not None else b"null"
    minis = _records(store, begin, found[0])
    return b'{"parent":%b,"block":"0x%b","minis":%b}' % (parent, found[1].hex().encode(), minis)


def _records(store: Store, first: int, last: int) -> bytes:
    found = []
    size = 0
    for number in range(first, last + 1):
        record = store.mini(number)
        if record is None:
            raise refused(f"there is no mini-block {number} here")
        size += len(record)
        if size > MOST_RECORD_BYTES:
            raise refused(f"the records are larger than {MOST_RECORD_BYTES} bytes together; ask for fewer")
        found.append(b'"0x%b"' % record.hex().encode())
    return b"[%b]" % b",".join(found)


def jit_methods(service: JitService) -> dict[str, Handler]:
    """What runs natively, and what might."""

    async def native_status(given: list[object], call: Call) -> bytes:
        params.exactly(given)
        return orjson.dumps(service.status())

    return {"mega_getNativeStatus": native_status}


def devnet_methods(
    token: str, incidents: Incidents, inject: Inject, reproductions: KeptFiles | None = None
) -> dict[str, Handler]:
    """What a node does for who has the devnet's token, and for nobody else."""

    async def list_incidents(given: list[object], call: Call) -> bytes:
        [since] = _authorised(token, given, "since")
        if not isinstance(since, str):
            raise invalid_params("since must be a moment, or an empty string")
        return orjson.dumps(
            {
                "incidents": [asdict(incident) for incident in incidents.since(since)],
                "dropped": incidents.dropped,
                "droppedReproductions": reproductions.dropped if reproductions is not None else 0,
            }
        )

    async def arm(given: list[object], call: Call) -> bytes:
        [kind, options] = _authorised(token, given, "kind", "options")
        if not isinstance(kind, str) or not isinstance(options, dict):
            raise invalid_params("kind must be a text and options an object")
        try:
            return orjson.dumps(await inject(kind, options))
        except ValueError as error:
            raise refused(str(error)) from None

    return {"devnet_incidents": list_incidents, "devnet_inject": arm}


def mode_methods(token: str, lead: Lead, follow: Follow) -> dict[str, Handler]:
    """Who leads and who follows, for who has the devnet's token: one node at a time may lead, and nobody here sees to
    that. While it goes from one node to another, none should be sent transactions, as two followers would send them to
    and fro."""

    async def take_lead(given: list[object], call: Call) -> bytes:
        _authorised(token, given)
        await _change(lead())
        return b"true"

    async def take_up(given: list[object], call: Call) -> bytes:
        [sequencer] = _authorised(token, given, "sequencer")
        if not isinstance(sequencer, str) or not sequencer.startswith("http://"):
            raise invalid_params("sequencer must be the address of its JSON-RPC, http://...")
        await _change(follow(sequencer))
        return b"true"

    return {"devnet_lead": take_lead, "devnet_follow": take_up}


async def _change(change: Awaitable[None]) -> None:
    try:
        await change
    except UserError as error:
        raise refused(f"{error.what}: {error.why}") from None


def _authorised(token: str, given: list[object], *names: str) -> list[object]:
    """The parameters after the token."""
    found = params.exactly(given, "token", *names)
    if not isinstance(found[0], str) or not hmac.compare_digest(found[0].encode(), token.encode()):
        raise refused("the token is not this devnet's")
    return found[1:]
