"""What is at the addresses of a chain: which contract, how that is known, and whose code it runs.

    address -> this machine's artifacts (deployed from here, recorded by other tools, recognised by code)
            -> what every chain has from the start
            -> behind a proxy: the same again, for the implementation

Asks the node for code, and a contract that delegates for the few slots that say where to. Answers are kept as long as
the command runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from megaeth_cli.abi import Interface
from megaeth_cli.chain.rpc_client import Node, RpcError
from megaeth_cli.contracts.artifacts import Artifact, ArtifactStore
from megaeth_cli.inspect import proxies
from megaeth_cli.inspect.known import Predeploy, predeploy
from megaeth_cli.inspect.layout import Layout
from megaeth_cli.units import checksummed

Json = Any
MAX_HOPS = 4
"""A proxy may lead to a proxy; more than this is no design that anybody uses."""
MAX_FACETS = 64
_MAX_OTHERS = 3
_BATCH = 200
_NOBODY = "0x" + "00" * 20


@dataclass(frozen=True)
class Proxy:
    """That a contract runs others' code on its own storage."""

    kind: str
    """In words: `EIP-1967 proxy`."""
    implementations: tuple["KnownContract", ...]
    """One, or a diamond's facets."""


@dataclass(frozen=True)
class KnownContract:
    """A contract, and what this machine knows about it."""

    address: bytes
    artifact: Artifact | None = None
    """What was deployed there, where known."""
    others: tuple[str, ...] = ()
    """Names of contracts with the same code, where it is known by that alone."""
    predeploy: Predeploy | None = None
    has_predeploys_code: bool = False
    proxy: Proxy | None = None
    told: "KnownContract | None" = None
    """What it is taken for because the user says so."""

    @property
    def own_name(self) -> str | None:
        """Of the contract itself."""
        if self.artifact is not None:
            return self.artifact.name
        return self.predeploy.name if self.predeploy is not None else None

    @property
    def name(self) -> str | None:
        """For people: `Token`, or `Token behind ERC1967Proxy`; None where nothing is known."""
        if self.told is not None:
            return self.told.own_name
        behind = [name for one in self._implementations if (name := one.own_name)]
        if self.proxy is None or not behind:
            return self.own_name
        shown = behind[0] if len(behind) == 1 else f"{behind[0]} and {len(behind) - 1} more"
        return f"{shown} behind {self.own_name or self.proxy.kind}"

    @property
    def label(self) -> str:
        """Its name where it has one, else its address."""
        return self.name or checksummed(self.address)

    @property
    def remark(self) -> str:
        """How its name is known where it was not deployed from here, and what it leads to; may be empty."""
        if self.told is not None:
            return "as told"
        parts = []
        if self.proxy is not None and not any(one.own_name for one in self._implementations):
            to = ", ".join(checksummed(one.address) for one in self._implementations)
            parts.append(f"{self.proxy.kind} of {to}")
        for one in (self, *self._implementations):
            if one.artifact is not None and one.artifact.known_by == "code":
                same = f", which {_listed(one.others)} too" if one.others else ""
                whose = f"{one.artifact.name} by its code" if one is not self else "by its code"
                parts.append(whose + same)
        return "; ".join(parts)

    @property
    def is_worth_saying(self) -> bool:
        """Whether it is not simply what was deployed from here."""
        return self.proxy is not None or bool(self.remark)

    @cached_property
    def interface(self) -> Interface | None:
        """The ABI that calls, logs and errors are read by: the implementation's, then its own."""
        found = [one.interface for one in self._implementations if one.interface is not None]
        if self.told is not None:
            found = [self.told.interface, *found] if self.told.interface is not None else found
        if self.artifact is not None:
            found.append(self.artifact.interface)
        elif self.predeploy is not None and self.predeploy.interface is not None:
            found.append(self.predeploy.interface)
        joined = found[0] if found else None
        for one in found[1:]:
            joined = joined.behind(one) if joined is not None else one
        return joined

    @cached_property
    def layout(self) -> Layout | None:
        """The storage layout, which a proxy has from its implementation."""
        told = (self.told,) if self.told is not None else ()
        source = next((one for one in (*told, *self._implementations, self) if one.own_layout), self)
        found: Mapping[str, Any] = source.own_layout
        if self.proxy is not None:
            found = proxies.with_proxy_slots(found)
        return Layout(found, source.artifact.abi if source.artifact is not None else ()) if found else None

    @property
    def own_layout(self) -> Mapping[str, Any]:
        """The layout of the contract itself as the compiler gave it; empty where not known."""
        if self.artifact is not None:
            return self.artifact.layout
        return self.predeploy.layout if self.predeploy is not None and self.has_predeploys_code else {}

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        body: dict[str, Json] = {"name": self.own_name}
        if self.artifact is not None:
            body["knownBy"] = self.artifact.known_by
            body["sameCode"] = list(self.others)
        if self.proxy is not None:
            body["proxy"] = {
                "kind": self.proxy.kind,
                "implementations": [
                    {"address": checksummed(one.address)} | one.to_json() for one in self._implementations
                ],
            }
        if self.told is not None:
            body["as"] = self.told.own_name
        return body

    @property
    def _implementations(self) -> tuple["KnownContract", ...]:
        return self.proxy.implementations if self.proxy is not None else ()


class KnownContracts:
    """Looks contracts up, each once."""

    def __init__(self, node: Node, artifacts: ArtifactStore) -> None:
        self._node = node
        self._artifacts = artifacts
        self._block = "latest"
        self._codes: dict[bytes, bytes] = {}
        self._known: dict[bytes, KnownContract] = {}
        self._owns: dict[bytes, KnownContract] = {}
        self._told: dict[bytes, KnownContract] = {}

    def look_at(self, block: int) -> None:
        """See code and proxies as they were after a block, as far as the node remembers."""
        try:
            self._node.call("eth_getCode", _NOBODY, hex(block))
        except RpcError:
            return  # still open, or forgotten
        self._block = hex(block)
        for seen in (self._codes, self._known, self._owns):
            seen.clear()

    def tell(self, address: bytes, contract: KnownContract) -> None:
        """Take an address for a contract, whatever is known about it."""
        self._told[address] = contract
        self._known.pop(address, None)

    def expect(self, addresses: Iterable[bytes]) -> None:
        """Fetch the code of many at once."""
        wanted = [one for one in dict.fromkeys(addresses) if one not in self._codes]
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            try:
                codes = self._node.batch([("eth_getCode", [f"0x{one.hex()}", self._block]) for one in part])
            except RpcError:
                return  # each is asked for when it is needed
            self._codes.update({one: bytes.fromhex(code[2:]) for one, code in zip(part, codes, strict=True)})

    def at(self, address: bytes) -> KnownContract:
        """The contract at an address."""
        if address not in self._known:
            own = self._own(address)
            targets = list(self._targets(address))
            if targets:
                kind = targets[0][0]
                behind = tuple(self._own(target) for target in targets[-1][1])
                own = replace(own, proxy=Proxy(kind, behind))
            self._known[address] = replace(own, told=self._told.get(address))
        return self._known[address]

    def code(self, address: bytes) -> bytes:
        """Its runtime code."""
        if address not in self._codes:
            answer = self._ask("eth_getCode", f"0x{address.hex()}")
            self._codes[address] = bytes.fromhex(answer[2:]) if isinstance(answer, str) else b""
        return self._codes[address]

    def _own(self, address: bytes) -> KnownContract:
        """What it is itself, proxy or not."""
        if address not in self._owns:
            self._owns[address] = self._find(address)
        return self._owns[address]

    def _find(self, address: bytes) -> KnownContract:
        recorded = self._artifacts.at(address)
        if recorded is not None and recorded.known_by == "deployment":
            if not recorded.is_complete and self._artifacts.knows_code:
                recorded = self._artifacts.completed(recorded, self.code(address))
            return KnownContract(address, recorded)
        standing = predeploy(f"0x{address.hex()}")
        if standing is not None:
            same = bool(standing.layout) and standing.code == f"0x{self.code(address).hex()}"
            return KnownContract(address, predeploy=standing, has_predeploys_code=same)
        if not self._artifacts.knows_code or not (code := self.code(address)):
            return KnownContract(address)
        found = self._artifacts.recognise(code, recorded)
        if found is None:
            return KnownContract(address)
        same = recorded is not None and recorded.full_name == found.artifact.full_name
        known_by = recorded.known_by if same and recorded is not None else "code"
        artifact = replace(found.artifact, address=checksummed(address), known_by=known_by)
        return KnownContract(address, artifact, found.others if known_by == "code" else ())

    def _targets(self, address: bytes) -> Iterator[tuple[str, list[bytes]]]:
        """Where an account's code leads, step by step; all of it runs on the account's own storage."""
        code, seen = self.code(address), {address}
        for _ in range(MAX_HOPS):
            step = self._step(address, code)
            if step is None or not step[1] or step[1][0] in seen:
                return
            yield step
            seen.update(step[1])
            if len(step[1]) > 1:
                return
            code = self.code(step[1][0])

    def _step(self, address: bytes, code: bytes) -> tuple[str, list[bytes]] | None:
        hop = proxies.from_code(code)
        if hop is None and proxies.delegates(code):
            hop = proxies.from_slots(code, self._slots(address))
            if hop is None and proxies.says_implementation(code):
                found = proxies.implementation(self._call(address, proxies.IMPLEMENTATION_CALL))
                hop = proxies.Hop("EIP-897 proxy", found[0]) if found else None
            if hop is None and proxies.may_be_diamond(code):
                return "diamond", proxies.facets(self._call(address, proxies.FACETS_CALL))[:MAX_FACETS]
        if hop is None:
            return None
        if hop.is_beacon:
            return hop.kind, proxies.implementation(self._call(hop.target, proxies.IMPLEMENTATION_CALL))
        return hop.kind, [hop.target]

    def _slots(self, address: bytes) -> dict[int, int]:
        words = {}
        for slot in proxies.SLOTS:
            answer = self._ask("eth_getStorageAt", f"0x{address.hex()}", f"0x{slot:064x}")
            if not isinstance(answer, str):
                return {}
            words[slot] = int(answer, 16)
        return words

    def _call(self, address: bytes, data: bytes) -> bytes:
        answer = self._ask("eth_call", {"to": f"0x{address.hex()}", "data": f"0x{data.hex()}"})
        return bytes.fromhex(answer[2:]) if isinstance(answer, str) else b""

    def _ask(self, method: str, *parameters: Json) -> Json:
        """At the block that is looked at; None where the node has no answer."""
        try:
            return self._node.call(method, *parameters, self._block)
        except RpcError:
            return None


def _listed(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return f"{names[0]} has"
    more = [f"{len(names) - _MAX_OTHERS} more"] if len(names) > _MAX_OTHERS else []
    *shown, last = [*names[:_MAX_OTHERS], *more]
    return f"{', '.join(shown)} and {last} have"
