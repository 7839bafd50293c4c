"""Which function, event, error or constructor is meant: by signature, by name, or by the data themselves."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from megaeth_cli.abi import AbiTypeError, Entry, Interface, parse_signature
from megaeth_cli.abi.types import parse_parameters
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.known import standing_interfaces
from megaeth_cli.inspect.reasons import builtin
from megaeth_cli.inspect.well_known import well_known

_KINDS = ("function", "event", "error")
_EXAMPLES = '"transfer(address,uint256)" or "event Transfer(address indexed,uint256)"'


def meant(text: str, interface: Interface | None, argument_count: int | None = None) -> Entry:
    """The entry that a signature or a name means; bare parentheses are arguments without a function."""
    if text.strip().startswith("("):
        return _arguments(text)
    if "(" in text:
        return signed(text, interface, "signature", _EXAMPLES)[0]
    if interface is None:
        raise CliError(
            f"{text}: of which contract?",
            "a name alone does not say what it takes",
            f'give --contract, --abi, or the whole signature, for example "{text}(uint256)"',
            ExitStatus.USAGE,
        )
    if text == "constructor":
        return interface.constructor
    named = [
        entry for kind in _KINDS for entry in interface.entries if (entry.kind, entry.name) == (kind, text)
    ]
    if not named:
        raise _unknown(text, interface)
    fitting = [entry for entry in named if argument_count in (None, len(entry.inputs))]
    if len(fitting) == 1 or len(named) == 1:
        return (fitting or named)[0]
    raise CliError(
        f"there are several called {text}",
        "\n".join(f"{entry.kind} {entry.described}" for entry in named),
        f'give the whole signature, for example "{named[0].kind} {named[0].signature}"',
        ExitStatus.USAGE,
    )


def by_data(data: bytes, topics: Sequence[bytes], interface: Interface | None) -> Entry:
    """The entry whose selector or topic the data begin with."""
    own: tuple[Interface, ...] = (interface,) if interface is not None else ()
    for place in (*own, builtin(), well_known(), *standing_interfaces()):
        found = place.event(topics) if topics else place.function(data[:4]) or place.error(data[:4])
        if found is not None:
            return found
    mark = topics[0] if topics else data[:4]
    indexed = f" and {len(topics) - 1} indexed parameters" if topics else ""
    raise CliError(
        f"nothing known has the {'topic' if topics else 'selector'} 0x{mark.hex()}{indexed}",
        f"it was looked for in {'the ABI, ' if own else ''}the token standards, OpenZeppelin's contracts, proxies "
        "and the system contracts",
        _topic_hint(data) if not topics else "give the signature, --contract or --abi",
        ExitStatus.USAGE,
    )


def _topic_hint(data: bytes) -> str:
    event = next((one for one in well_known().entries if one.kind == "event" and one.topic == data), None)
    if event is None:
        return "give the signature, --contract or --abi"
    return f"it is the topic of {event.signature}: give it with --topic, and the log's data"


def _arguments(text: str) -> Entry:
    try:
        return Entry("constructor", "arguments", parse_parameters(text.strip()[1:-1]))
    except AbiTypeError as error:
        raise CliError(f"not a list of types: {text}", str(error), status=ExitStatus.USAGE) from None


def signed(text: str, interface: Interface | None, what: str, examples: str) -> tuple[Entry, bool]:
    """The entry that a signature means, and whether the interface has it; errors call it `what`."""
    try:
        given = parse_signature(text)
    except AbiTypeError as error:
        in_source = _as_in_source(text, interface)
        if in_source is not None:
            return in_source, True
        raise CliError(
            f"not a {what}: {text}", str(error), f"for example {examples}", ExitStatus.USAGE
        ) from None
    named = interface.named(given.kind, given.name) if interface is not None else []
    known = next((entry for entry in named if entry.signature == given.signature), None)
    if known is None:
        return given, False
    # Who writes results wants them read so, whatever the ABI says.
    return (replace(known, outputs=given.outputs) if given.outputs else known), True


def _as_in_source(text: str, interface: Interface | None) -> Entry | None:
    """The entry whose signature the source writes so: with the names of enums, structs and contracts."""
    wanted = "".join(text.split())
    entries = interface.entries if interface is not None else []
    return next((entry for entry in entries if wanted in entry.source_signatures), None)


def _unknown(text: str, interface: Interface) -> CliError:
    names = [entry.name for entry in interface.entries if entry.kind in _KINDS]
    close = get_close_matches(text, names, 1)
    return CliError(
        f"there is no {text}",
        "there are " + (", ".join(dict.fromkeys(names)) or "no functions, events and errors"),
        f"did you mean {close[0]}?" if close else "",
        ExitStatus.USAGE,
    )
