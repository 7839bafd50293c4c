"""Functions, events, errors and the constructor of a contract, by name, signature, selector or topic."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, cast

from megaeth_cli.abi.codec import DecodingError, decode, decode_word, encode, encode_topic
from megaeth_cli.abi.types import (
    AbiTypeError,
    Enums,
    Parameter,
    Scalar,
    from_json,
    parse_parameters,
    split_top_level,
)
from megaeth_cli.units import keccak

EntryKind = Literal["function", "event", "error", "constructor", "receive", "fallback"]

_PREFIXES: tuple[EntryKind, ...] = ("function", "event", "error")


@dataclass(frozen=True)
class Entry:
    """One thing in an interface."""

    kind: EntryKind
    name: str
    inputs: tuple[Parameter, ...] = ()
    outputs: tuple[Parameter, ...] = ()
    mutability: str = "nonpayable"
    anonymous: bool = False

    @cached_property
    def signature(self) -> str:
        """`name(type,type)`."""
        return f"{self.name}({','.join(str(one.type) for one in self.inputs)})"

    @property
    def source_signatures(self) -> tuple[str, str]:
        """The signature with the source's own types, with and without the contracts that they are declared in."""
        types = (
            re.sub(r"^(enum|struct|contract) ", "", one.declared or str(one.type)) for one in self.inputs
        )
        whole = f"{self.name}({','.join(types)})"
        return whole, re.sub(r"\w+\.", "", whole)

    @cached_property
    def topic(self) -> bytes:
        """Hash of the signature: an event's first topic."""
        return keccak(self.signature.encode())

    @property
    def selector(self) -> bytes:
        """The first four bytes of calldata or of revert data."""
        return self.topic[:4]

    @property
    def described(self) -> str:
        """The signature with the names of the parameters."""
        return f"{self.name}({', '.join(f'{one.type} {one.name}'.strip() for one in self.inputs)})"

    def encode_call(self, values: Sequence[Any]) -> bytes:
        """Calldata of a function, constructor arguments of a constructor."""
        arguments = encode([one.type for one in self.inputs], values)
        return arguments if self.kind == "constructor" else self.selector + arguments

    def encode_log(self, values: Sequence[Any]) -> tuple[list[bytes], bytes]:
        """An event's topics and data."""
        pairs = list(zip(self.inputs, values, strict=True))
        topics = [] if self.anonymous else [self.topic]
        topics += [encode_topic(one.type, value) for one, value in pairs if one.indexed]
        plain = [(one.type, value) for one, value in pairs if not one.indexed]
        return topics, encode([kind for kind, _ in plain], [value for _, value in plain])

    def decode_inputs(self, data: bytes) -> list[Any]:
        """Arguments from calldata or revert data, the selector included."""
        return decode([one.type for one in self.inputs], data[4:])

    def decode_outputs(self, data: bytes) -> list[Any]:
        """What a function returned."""
        return decode([one.type for one in self.outputs], data)

    def decode_log(self, topics: Sequence[bytes], data: bytes) -> list[Any]:
        """An event's values in the order of its parameters.

        An indexed value of a dynamic type is only its hash.
        """
        hashed = list(topics if self.anonymous else topics[1:])
        plain = iter(decode([one.type for one in self.inputs if not one.indexed], data))
        values: list[Any] = []
        for one in self.inputs:
            if not one.indexed:
                values.append(next(plain))
                continue
            if not hashed:
                raise DecodingError(f"{self.name}: a topic is missing")
            topic = hashed.pop(0)
            whole = isinstance(one.type, Scalar) and not one.type.dynamic
            values.append(decode_word(one.type, topic) if whole and isinstance(one.type, Scalar) else topic)
        if hashed:
            raise DecodingError(f"{self.name}: more topics than indexed parameters")
        return values

    def log_parameters(self) -> tuple[Parameter, ...]:
        """The parameters as `decode_log` gives them: a hash in place of an indexed dynamic value."""
        return tuple(
            Parameter(Scalar("bytesN", 32), one.name, True)
            if one.indexed and not (isinstance(one.type, Scalar) and not one.type.dynamic)
            else one
            for one in self.inputs
        )


class Interface:
    """A contract's ABI JSON, indexed."""

    def __init__(self, abi: Sequence[dict[str, Any]], enums: Enums = MappingProxyType({})) -> None:
        self.entries = [entry for item in abi if (entry := _entry(item, enums)) is not None]

    @classmethod
    def of_signatures(cls, lines: Iterable[str]) -> "Interface":
        """From lines such as `event Deposit(address indexed to, uint256 value)`; blank ones are skipped.

        A line that begins with neither `event` nor `error` is a function.
        """
        interface = cls([])
        for line in filter(None, map(str.strip, lines)):
            kind, _, rest = line.partition(" ")
            if kind in ("event", "error"):
                entry = replace(parse_signature(rest), kind=cast(EntryKind, kind))
            else:
                entry = parse_signature(line)
            interface.entries.append(entry)
        return interface

    def behind(self, own: "Interface") -> "Interface":
        """This interface and what only `own` has besides: an implementation behind a proxy."""
        joined = Interface([])
        here = {(entry.kind, entry.signature) for entry in self.entries}
        joined.entries = [
            *self.entries,
            *(entry for entry in own.entries if (entry.kind, entry.signature) not in here),
        ]
        return joined

    def named(self, kind: EntryKind, name: str) -> list[Entry]:
        """All entries with that name (overloads)."""
        return [entry for entry in self.entries if entry.kind == kind and entry.name == name]

    def names(self, kind: EntryKind) -> list[str]:
        """Signatures, in the order of the source."""
        return [entry.signature for entry in self.entries if entry.kind == kind]

    @property
    def constructor(self) -> Entry:
        """The constructor; an implicit one takes nothing."""
        return next(
            (entry for entry in self.entries if entry.kind == "constructor"),
            Entry("constructor", "constructor"),
        )

    def function(self, selector: bytes) -> Entry | None:
        """The function that calldata calls."""
        return next((e for e in self.entries if e.kind == "function" and e.selector == selector), None)

    def error(self, selector: bytes) -> Entry | None:
        """The custom error of revert data."""
        return next((e for e in self.entries if e.kind == "error" and e.selector == selector), None)

    def event(self, topics: Sequence[bytes]) -> Entry | None:
        """The event of a log: same first topic and as many indexed parameters."""
        if not topics:
            return None
        return next(
            (
                entry
                for entry in self.entries
                if entry.kind == "event"
                and not entry.anonymous
                and entry.topic == topics[0]
                and sum(one.indexed for one in entry.inputs) == len(topics) - 1
            ),
            None,
        )


def parse_signature(text: str) -> Entry:
    """A function from `name(types)` or `name(types)(results)`, names and `returns` allowed.

    `event` or `error` before the name makes it one; `constructor(types)` is a constructor.
    """
    kind, text = _kind(text.strip())
    name, parenthesis, rest = text.partition("(")
    name = name.strip()
    if not parenthesis or not name.replace("$", "_").isidentifier():
        raise AbiTypeError(f"not a function signature: {text!r}")
    split_top_level(text)  # says whether parentheses match
    inputs, after = _group("(" + rest)
    _, returns, results = after.rpartition("returns")
    results = results.strip() if returns else after.strip()
    outputs = ""
    if results and not (kind == "event" and results == "anonymous"):
        if not results.startswith("("):
            raise AbiTypeError(f"unexpected {results!r} after the parameters in {text!r}")
        outputs, after = _group(results)
        if after.strip():
            raise AbiTypeError(f"unexpected {after.strip()!r} at the end of {text!r}")
    anonymous = kind == "event" and results == "anonymous"
    return Entry(kind, name, parse_parameters(inputs), parse_parameters(outputs), "payable", anonymous)


def _kind(text: str) -> tuple[EntryKind, str]:
    """What a signature is of, and the rest of it."""
    if re.match(r"constructor\s*\(", text):
        return "constructor", text
    for kind in _PREFIXES:
        if re.match(rf"{kind}\s+[\w$]", text):
            return kind, text.removeprefix(kind).strip()
    return "function", text


def _group(text: str) -> tuple[str, str]:
    """What stands in the leading parentheses, and what follows them."""
    depth = 0
    for position, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return text[1:position], text[position + 1 :]
    raise AbiTypeError(f"parentheses do not match in {text!r}")


def _entry(item: dict[str, Any], enums: Enums) -> Entry | None:
    kind = item.get("type", "function")
    if kind not in ("function", "event", "error", "constructor", "receive", "fallback"):
        return None
    try:
        return Entry(
            kind,
            str(item.get("name") or kind),
            tuple(from_json(one, enums) for one in item.get("inputs", ())),
            tuple(from_json(one, enums) for one in item.get("outputs", ())),
            str(item.get("stateMutability", "nonpayable")),
            bool(item.get("anonymous", False)),
        )
    except AbiTypeError:
        # Old libraries have internal types in their ABI; such functions cannot be called from outside.
        return None
