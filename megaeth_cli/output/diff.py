"""State diffs, for people and for programs. Rendering only."""

from collections.abc import Callable, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from megaeth_cli.inspect.diff import EMPTY_CODE, AccountChange, SlotChange
from megaeth_cli.inspect.interventions import Intervention
from megaeth_cli.inspect.layout import piece_of
from megaeth_cli.output.receipts import Find, Label, emitted_text, log_json
from megaeth_cli.units import checksummed, ether

Json = Any

MAX_SHOWN = 200
"""Of an intervention, so many characters."""


def heading(diff: Json) -> str:
    """What the diff is of."""
    count = len(diff.get("transactions") or ())
    transactions = f"{count:,} transaction{'s' if count != 1 else ''}"
    first, last = (int(number, 16) for number in diff.get("miniBlocks") or ("0x0", "0x0"))
    minis = f"mini-block {first:,}" if first == last else f"mini-blocks {first:,} to {last:,}"
    block = f"block {int(diff['blockNumber'], 16):,}"
    match diff.get("kind"):
        case "transaction":
            return f"Transaction {diff.get('transactionHash', '')} in {block}, {minis}"
        case "miniBlock":
            return f"{minis.capitalize()} of {block}, {transactions}"
        case _:
            return f"{block.capitalize()}, {minis}, {transactions}"


def diff_text(
    changes: Sequence[AccountChange],
    logs: Sequence[Json],
    label: Label,
    find: Find,
    delegates: Mapping[str, str],
    interventions: Sequence[Intervention] = (),
) -> str:
    """Every account with what changed in it, then the interventions, then the logs.

    `delegates` has the addresses that accounts delegate to (EIP-7702), by the hashes of their code.
    """

    def code(hash_: str) -> str:
        if hash_ in delegates:
            return f"delegates to {label(delegates[hash_])}"
        return "none" if hash_ == EMPTY_CODE else hash_

    parts = [_account_text(one, label, code) for one in changes]
    if not changes:
        parts = ["nothing changed"]
    if interventions:
        lines = [f"  {_shortened(one.text)}" for one in interventions]
        parts.append("Interventions\n" + "\n".join(lines))
    if logs:
        lines = []
        for log in logs:
            emitter, *rest = emitted_text(log, label, find).split("\n")
            lines += [f"  {emitter}", *(f"    {line}" for line in rest)]
        parts.append("Logs\n" + "\n".join(lines))
    return "\n\n".join(parts)


def diff_json(
    diff: Json,
    changes: Sequence[AccountChange],
    logs: Sequence[Json],
    facts: Callable[[str], dict[str, Json]],
    find: Find,
    delegates: Mapping[str, str],
    interventions: Sequence[Intervention] = (),
) -> dict[str, Json]:
    """The same for programs."""
    first, last = diff.get("miniBlocks") or (None, None)
    return {
        "kind": diff.get("kind"),
        "blockNumber": int(diff["blockNumber"], 16),
        "blockHash": diff.get("blockHash"),
        "miniBlocks": [int(first, 16), int(last, 16)] if first and last else None,
        "transactions": diff.get("transactions") or [],
        "accounts": changes_json(changes, facts, delegates),
        "interventions": [
            {"transaction": one.transaction, "name": one.name, "arguments": one.arguments}
            for one in interventions
        ],
        "logs": [log_json(log, find) for log in logs],
    }


def changes_json(
    changes: Sequence[AccountChange],
    facts: Callable[[str], dict[str, Json]],
    delegates: Mapping[str, str] = MappingProxyType({}),
) -> list[dict[str, Json]]:
    """The accounts alone."""
    return [_account_json(one, facts, delegates) for one in changes]


def raw_text(diff: Json) -> str:
    """Keys and values as they stand in the state, one change per line."""
    lines = []
    for account in diff["accounts"]:
        address = account["address"]
        before, after = account.get("before") or {}, account.get("after") or {}
        lines += [
            f"{address} {key} {before.get(key, '-')} {after.get(key, '-')}"
            for key in ("nonce", "balance", "codeHash")
            if before.get(key) != after.get(key)
        ]
        for one in account.get("storage", ()):
            slot, old, new = (f"0x{int(one[key], 16):064x}" for key in ("slot", "before", "after"))
            lines.append(f"{address} {slot} {old} {new}")
    return "\n".join(lines) or "nothing changed"


def _shortened(text: str) -> str:
    """Code is long."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _account_text(change: AccountChange, label: Label, code: Callable[[str], str]) -> str:
    before, after = change.before, change.after
    new = "" if change.existed else "  (new)"
    gone = "" if change.exists else "  (gone)"
    lines = [f"{label(change.address)}{new}{gone}"]
    if before.balance != after.balance:
        sign = "+" if after.balance > before.balance else ""
        moved = f"{sign}{ether(after.balance - before.balance)}"
        lines.append(f"  balance  {ether(before.balance)} -> {ether(after.balance)} ETH  ({moved})")
    if before.nonce != after.nonce:
        lines.append(f"  nonce    {before.nonce} -> {after.nonce}")
    if before.code_hash != after.code_hash:
        lines.append(f"  code     {code(before.code_hash)} -> {code(after.code_hash)}")
    whole = {one.path for slot in change.slots for one in slot.variables}
    for slot in change.slots:
        lines += _slot_text(slot, whole)
    return "\n".join(lines)


def _slot_text(change: SlotChange, whole: Container[str]) -> list[str]:
    if change.variables:
        return [
            f"  {one.path} ({one.type})  {one.before} -> {one.after}"
            for one in change.variables
            # The pieces of a long string say nothing more when it is shown as one.
            if piece_of(one.path) not in whole
        ]
    origin = f"  {change.origin}" if change.origin else ""
    return [
        f"  slot {change.slot:#066x}{origin}",
        f"    {change.before:#066x} ->",
        f"    {change.after:#066x}",
    ]


def _account_json(
    change: AccountChange, facts: Callable[[str], dict[str, Json]], delegates: Mapping[str, str]
) -> dict[str, Json]:
    body: dict[str, Json] = {
        "address": checksummed(bytes.fromhex(change.address[2:])),
        **facts(change.address),
        "existed": change.existed,
        "exists": change.exists,
    }
    before, after = change.before, change.after
    if before.balance != after.balance:
        body["balanceWei"] = {"before": str(before.balance), "after": str(after.balance)}
    if before.nonce != after.nonce:
        body["nonce"] = {"before": before.nonce, "after": after.nonce}
    if before.code_hash != after.code_hash:
        body["codeHash"] = {"before": before.code_hash, "after": after.code_hash}
        if delegates.keys() & {before.code_hash, after.code_hash}:
            body["delegatesTo"] = {
                "before": delegates.get(before.code_hash),
                "after": delegates.get(after.code_hash),
            }
    body["storage"] = [
        {
            "slot": f"{one.slot:#066x}",
            "before": f"{one.before:#066x}",
            "after": f"{one.after:#066x}",
            "origin": one.origin or None,
            "variables": [
                {"name": each.path, "type": each.type, "before": each.before, "after": each.after}
                for each in one.variables
            ],
        }
        for one in change.slots
    ]
    return body
