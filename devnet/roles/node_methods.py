"""JSON-RPC methods about the network: what provers say, what stands in the log; and, for who knows the devnet's token,
incidents and deliberate faults (`devnet_...`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import orjson

from devnet.errors import UserError
from devnet.jit.service import JitService
from devnet.proving.incidents import Incidents
from devnet.proving.kept import KeptFiles
from devnet.roles.authority import authorised
from devnet.rpc import params
from devnet.rpc.engine_bridge import Call
from devnet.rpc.errors import invalid_params, refused
from devnet.rpc.methods import method
from devnet.storage import Store
from devnet.succession.candidate import CannotPromote

MAX_BLOCKS: Final = 1_000
MAX_ATTESTATIONS: Final = 10_000
MAX_RECORDS: Final = 4_096
MAX_RECORD_BYTES: Final = 64 * 1024 * 1024

Lead = Callable[[], Awaitable[None]]
Follow = Callable[[str], Awaitable[None]]
"""Makes the node follow who answers JSON-RPC at that address."""

Promote = Callable[[str], Awaitable[dict[str, Any]]]
"""Has the node of that name lead. CannotPromote: it does not."""

Inject = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Arms a fault: its kind and options; raises ValueError for what this node can't do."""


class LogNamespace:
    """What a node with a chain tells everyone of its log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @method(
        "mega_getLogEnd",
        about="Where this node's log ends: its newest mini-block and block, and how often it was rolled back.",
    )
    async def end(self, given: list[object], call: Call) -> bytes:
        """Say how far it goes; `miniBlock` is null before the first one."""
        store = self._store
        mini, block = store.tip or store.origin
        return orjson.dumps(
            {
                "miniBlock": hex(mini) if mini >= 0 else None,
                "block": hex(block),
                "rollbacks": hex(store.rollbacks),
            }
        )

    @method(
        "mega_getAttestations",
        "first block",
        "last block",
        about="What provers have attested of some blocks.",
    )
    async def attestations(self, given: list[object], call: Call) -> bytes:
        """Say what provers said."""
        first, last = given
        begin, end = params.number(first, "first block"), params.number(last, "last block")
        if end - begin >= MAX_BLOCKS:
            raise invalid_params(f"at most {MAX_BLOCKS} blocks at a time")
        found = await asyncio.to_thread(self._store.attestations, begin, end, MAX_ATTESTATIONS)
        return b"[%b]" % b",".join(data for _, data in found)

    @method(
        "mega_getMiniBlockRecords",
        "first mini-block",
        "last mini-block",
        about="Mini-blocks as they stand in the log.",
    )
    async def mini_records(self, given: list[object], call: Call) -> bytes:
        """Give mini-blocks as they are written."""
        first, last = given
        begin, end = params.number(first, "first mini-block"), params.number(last, "last mini-block")
        if end - begin >= MAX_RECORDS:
            raise invalid_params(f"at most {MAX_RECORDS} mini-blocks at a time")
        return await asyncio.to_thread(_records, self._store, begin, end)

    @method("mega_getBlockRecords", "block", about="A block and its mini-blocks as they stand in the log.")
    async def block_records(self, given: list[object], call: Call) -> bytes:
        """Give a block as it is written."""
        number = params.number(given[0], "block")
        return await asyncio.to_thread(_block_records, self._store, number)


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
        if size > MAX_RECORD_BYTES:
            raise refused(f"the records are larger than {MAX_RECORD_BYTES} bytes together; ask for fewer")
        found.append(b'"0x%b"' % record.hex().encode())
    return b"[%b]" % b",".join(found)


class JitNamespace:
    """What runs natively, and what might."""

    def __init__(self, service: JitService) -> None:
        self._service = service

    @method("mega_getNativeStatus", about="Which contracts run natively, and which might.")
    async def native_status(self, given: list[object], call: Call) -> bytes:
        """Tell how contracts run."""
        return orjson.dumps(self._service.status())


class ConsoleNamespace:
    """Whether this node shows what contracts tell `console.log`."""

    def __init__(self, hear: Callable[[bool], None]) -> None:
        self._hear = hear

    @method("anvil_setLoggingEnabled", "enabled", about="Whether this node shows console.log from now on.")
    @method("hardhat_setLoggingEnabled", "enabled", about="Whether this node shows console.log from now on.")
    async def set_logging(self, given: list[object], call: Call) -> bytes:
        """Show it from now on, or no more."""
        [enabled] = given
        if not isinstance(enabled, bool):
            raise invalid_params("enabled must be true or false")
        self._hear(enabled)
        return b"null"


class DevnetNamespace:
    """What a node does for who has the devnet's token, and for nobody else."""

    def __init__(
        self, token: str, incidents: Incidents, inject: Inject, reproductions: KeptFiles | None = None
    ) -> None:
        self._token = token
        self._incidents = incidents
        self._inject = inject
        self._reproductions = reproductions

    @method("devnet_incidents", "token", "since", about="What went wrong since a moment.")
    async def incidents(self, given: list[object], call: Call) -> bytes:
        """List incidents."""
        [since] = authorised(self._token, given)
        if not isinstance(since, str):
            raise invalid_params("since must be a moment, or an empty string")
        kept = self._reproductions
        return orjson.dumps(
            {
                "incidents": [asdict(incident) for incident in self._incidents.since(since)],
                "dropped": self._incidents.dropped,
                "droppedReproductions": kept.dropped if kept is not None else 0,
            }
        )

    @method("devnet_inject", "token", "kind", "options", about="Arms a deliberate fault.")
    async def inject(self, given: list[object], call: Call) -> bytes:
        """Arm a fault."""
        kind, options = authorised(self._token, given)
        if not isinstance(kind, str) or not isinstance(options, dict):
            raise invalid_params("kind must be a text and options an object")
        try:
            return orjson.dumps(await self._inject(kind, options))
        except ValueError as error:
            raise refused(str(error)) from None


class ModeNamespace:
    """Who leads and who follows, for who has the devnet's token: one node at a time may lead, and nobody here sees to
    that. While it goes from one node to another, none should be sent transactions, as two followers would send them to
    and fro."""

    def __init__(self, token: str, lead: Lead, follow: Follow) -> None:
        self._token = token
        self._lead = lead
        self._follow = follow

    @method("devnet_lead", "token", about="Makes the node build blocks.")
    async def lead(self, given: list[object], call: Call) -> bytes:
        """Have the node lead."""
        authorised(self._token, given)
        await _change(self._lead())
        return b"true"

    @method("devnet_follow", "token", "sequencer", about="Makes the node follow who answers at an address.")
    async def follow(self, given: list[object], call: Call) -> bytes:
        """Have the node follow."""
        [sequencer] = authorised(self._token, given)
        if not isinstance(sequencer, str) or not sequencer.startswith("http://"):
            raise invalid_params("sequencer must be the address of its JSON-RPC, http://...")
        await _change(self._follow(sequencer))
        return b"true"


class PromoteNamespace:
    """Has another candidate lead, for who has the devnet's token."""

    def __init__(self, token: str, promote: Promote) -> None:
        self._token = token
        self._promote = promote

    @method("devnet_promote", "token", "node", about="Has a standby lead instead of this node.")
    async def promote(self, given: list[object], call: Call) -> bytes:
        """Hand over."""
        [node] = authorised(self._token, given)
        if not isinstance(node, str):
            raise invalid_params("node must be a name")
        try:
            return orjson.dumps(await self._promote(node))
        except CannotPromote as error:
            raise refused(str(error)) from None


async def _change(change: Awaitable[None]) -> None:
    try:
        await change
    except UserError as error:
        raise refused(f"{error.what}: {error.why}") from None
