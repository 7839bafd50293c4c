"""What of a contract is tried out: its own tests, or calls that somebody has written down."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from megaeth_cli.abi import Entry, Interface
from megaeth_cli.contracts.calls import read_arguments
from megaeth_cli.errors import CliError, ExitStatus

SETUP = "setUp()"
_TEST = re.compile(r"test[A-Z_0-9]?\w*")
_CALL = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)
_OPENING, _CLOSING, _QUOTES = "([{", ")]}", "\"'"


@dataclass(frozen=True)
class Call:
    """A call of the contract."""

    label: str
    function: str
    """Its name."""
    data: bytes


def setup(interface: Interface) -> Call | None:
    """What forge calls before each test."""
    found = next(
        (one for one in interface.entries if one.kind == "function" and one.signature == SETUP), None
    )
    return Call(SETUP, found.name, found.selector) if found is not None else None


def tests(interface: Interface) -> list[Call]:
    """The functions that forge takes for tests, but for those with arguments, which it makes up."""
    return [
        Call(one.signature, one.name, one.selector)
        for one in interface.entries
        if one.kind == "function" and _TEST.fullmatch(one.name) and not one.inputs
    ]


def written(interface: Interface, name: str, texts: Sequence[str]) -> list[Call]:
    """Calls as they are written on the command line: `transfer(0x7099..., 5)`."""
    return [_written(interface, name, text) for text in texts]


def _written(interface: Interface, contract: str, text: str) -> Call:
    found = _CALL.fullmatch(text)
    if found is None:
        raise CliError(
            f"--call {text}: no call", "a call is a function and its arguments", "--call 'f(1, 0x...)'",
            ExitStatus.USAGE,
        )  # fmt: skip
    given = _split(found[2] or "")
    overloads = interface.named("function", found[1])
    if not overloads:
        raise _no_function(interface, contract, found[1])
    fitting = [one for one in overloads if len(one.inputs) == len(given)] or overloads
    entry = fitting[0]
    values = read_arguments(entry, given, lambda _: None)
    return Call(_label(entry, given), entry.name, entry.encode_call(values))


def chosen(calls: list[Call], names: Sequence[str]) -> list[Call]:
    """Those that are named; all where none is."""
    for name in names:
        if not any(name in (one.function, one.label) for one in calls):
            known = [one.function for one in calls]
            close = get_close_matches(name, known, 1)
            raise CliError(
                f"--function {name}: there is none to try out",
                f"there are {', '.join(known) or 'none'}",
                f"did you mean {close[0]}?" if close else "",
                ExitStatus.USAGE,
            )
    return [one for one in calls if not names or one.function in names or one.label in names]


def _label(entry: Entry, given: list[str]) -> str:
    return f"{entry.name}({', '.join(given)})"


def _split(text: str) -> list[str]:
    """Arguments between commas, but for those in brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter == "," and not depth:
            parts.append("")
            continue
        depth += (letter in _OPENING and not quote) - (letter in _CLOSING and not quote)
        parts[-1] += letter
    stripped = [_unquoted(part.strip()) for part in parts]
    return [] if stripped == [""] and not text.strip() else stripped


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1] if is_quoted else text


def _no_function(interface: Interface, contract: str, name: str) -> CliError:
    known = interface.names("function")
    close = get_close_matches(name, [one.partition("(")[0] for one in known], 1)
    return CliError(
        f"{contract} has no function {name}",
        "it has " + (", ".join(known) or "none"),
        f"did you mean {close[0]}?" if close else "",
        ExitStatus.USAGE,
    )
