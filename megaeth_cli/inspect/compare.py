"""Two nodes' states at one block, side by side: what their headers say, and every value that changed lately.

A full node knows the state only through diffs, so that its header may be right while a value is not. Compared is what
either node says was changed in the blocks up to that one; `back` blocks of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from megaeth_cli.chain.rpc_client import RpcClient, RpcError
from megaeth_cli.errors import CliError, ExitStatus

Json = Any
HEADER_FIELDS = (
    "hash", "parentHash", "stateRoot", "transactionsRoot", "receiptsRoot", "withdrawalsRoot", "gasUsed",
)  # fmt: skip
BATCH = 200
MAX_KEYS = 20_000


@dataclass(frozen=True)
class Difference:
    """One thing on which two nodes disagree."""

    where: str
    """`header`, or an account's address."""
    what: str
    """The header's field; `nonce`, `balance`, `code`; or a slot."""
    node: str
    """What the first node has."""
    against: str


@dataclass(frozen=True)
class Comparison:
    """Of two nodes at one block."""

    block: int
    accounts: int
    values: int
    """How many were looked at."""
    differences: tuple[Difference, ...]


def common_block(node: RpcClient, against: RpcClient) -> int:
    """The newest block that both have."""
    return min(int(each.call("eth_blockNumber"), 16) for each in (node, against))


def compare(node: RpcClient, against: RpcClient, block: int, back: int) -> Comparison:
    """Look at both."""
    differences = list(_headers(node, against, block))
    keys = sorted(
        {
            key
            for each in (node, against)
            for number in range(max(1, block - back + 1), block + 1)
            for key in _keys(_diff(each, number))
        }
    )
    if len(keys) > MAX_KEYS:
        raise CliError(
            f"{len(keys):,} values changed in those blocks",
            f"at most {MAX_KEYS:,} are compared",
            "give a smaller --back",
        )
    for (address, what), mine, its in zip(
        keys, _values(node, keys, block), _values(against, keys, block), strict=True
    ):
        if mine != its:
            differences.append(Difference(address, what, mine, its))
    return Comparison(block, len({address for address, _ in keys}), len(keys), tuple(differences))


def _headers(node: RpcClient, against: RpcClient, block: int) -> Iterator[Difference]:
    mine, its = (_header(each, block) for each in (node, against))
    for field in HEADER_FIELDS:
        if mine.get(field) != its.get(field):
            yield Difference("header", field, str(mine.get(field)), str(its.get(field)))


def _header(node: RpcClient, block: int) -> dict[str, Json]:
    header = node.call("eth_getBlockByNumber", hex(block), False)
    if header is None:
        raise CliError(
            f"{node.url} does not have block {block}", "", "leave the block out for the newest that both have"
        )
    found: dict[str, Json] = header
    return found


def _diff(node: RpcClient, block: int) -> Json:
    try:
        return node.call("mega_getStateDiff", hex(block))
    except RpcError as error:
        raise CliError(
            f"no diff of block {block} from {node.url}", error.message, status=ExitStatus.RPC
        ) from error


def _keys(diff: Json) -> Iterable[tuple[str, str]]:
    for account in (diff or {}).get("accounts", ()):
        address = str(account["address"])
        yield from ((address, what) for what in ("nonce", "balance", "code"))
        for slot in account.get("storage", ()):
            yield address, f"0x{int(slot['slot'], 16):064x}"


_METHODS = {"nonce": "eth_getTransactionCount", "balance": "eth_getBalance", "code": "eth_getCode"}


def _values(node: RpcClient, keys: list[tuple[str, str]], block: int) -> list[str]:
    at = hex(block)
    calls: list[tuple[str, list[Json]]] = [
        (_METHODS[what], [address, at]) if what in _METHODS else ("eth_getStorageAt", [address, what, at])
        for address, what in keys
    ]
    found: list[str] = []
    for start in range(0, len(calls), BATCH):
        found += (str(value) for value in node.batch(calls[start : start + BATCH]))
    return found
