"""From `CONTRACT "fn(types)" ARGS...` on a command line to calldata."""

import json
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from megaeth_cli.abi import Entry, Interface, ValueTextError, from_text
from megaeth_cli.abi.values import Resolver
from megaeth_cli.contracts.entries import signed
from megaeth_cli.contracts.known_contracts import KnownContract
from megaeth_cli.errors import CliError, ExitStatus

_EXAMPLE = '"transfer(address,uint256)"'


def find_function(contract: KnownContract, text: str, argument_count: int) -> Entry:
    """The function that is meant: a signature, or a name from the contract's ABI."""
    interface = contract.interface
    if "(" in text:
        return _function(contract, interface, text)
    if interface is None:
        raise CliError(
            f"the ABI of {contract.label} is not known",
            contract.remark
            or "it was not deployed with `megaeth deploy`, and no imported contract has its code",
            f'give the whole signature, for example "{text}(uint256)", or --as NAME, or --abi FILE;\n'
            "megaeth import DIRECTORY   makes what forge, hardhat or truffle built known",
            ExitStatus.USAGE,
        )
    overloads = interface.named("function", text)
    if not overloads:
        raise _no_function(contract, interface, text)
    fitting = [entry for entry in overloads if len(entry.inputs) == argument_count]
    if len(fitting) == 1 or len(overloads) == 1:
        return (fitting or overloads)[0]
    raise CliError(
        f"{contract.label} has several functions called {text}",
        "\n".join(entry.described for entry in overloads),
        f'give the whole signature, for example "{overloads[0].signature}"',
        ExitStatus.USAGE,
    )


def read_arguments(entry: Entry, texts: Sequence[str], resolve: Resolver) -> list[Any]:
    """The arguments of a function or constructor; errors name the parameter."""
    if len(texts) != len(entry.inputs):
        given = f"not {len(texts)}" if texts else "none was given"
        count = len(entry.inputs)
        raise CliError(
            f"{entry.described} takes {count} argument{'s' if count != 1 else ''}, {given}",
            hint="quote an argument that has spaces or commas",
            status=ExitStatus.USAGE,
        )
    values = []
    for number, (parameter, text) in enumerate(zip(entry.inputs, texts, strict=True), 1):
        try:
            values.append(from_text(parameter.type, text, resolve))
        except ValueTextError as error:
            shown = f"{parameter.type} {parameter.name}".strip()
            raise CliError(
                f"argument {number} ({shown}) of {entry.name}: {error}",
                "",
                f"megaeth abi encode 'f({parameter.type})' VALUE   tries a value out",
                ExitStatus.USAGE,
            ) from None
    return values


def arguments_of_file(text: str, where: str) -> list[str]:
    """Arguments from a file: a JSON array, or one argument per line."""
    if not text.lstrip().startswith("["):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        items = json.loads(text, parse_int=str, parse_float=str)
    except ValueError as error:
        raise CliError(f"{where} is not JSON", str(error), status=ExitStatus.USAGE) from None
    return [json.dumps(item) for item in items]


def _function(contract: KnownContract, interface: Interface | None, text: str) -> Entry:
    entry, is_known = signed(text, interface, "function signature", _EXAMPLE)
    if entry.kind != "function":
        raise CliError(f"{text} is no function", "", f"for example {_EXAMPLE}", ExitStatus.USAGE)
    if is_known or interface is None or any(one.kind == "fallback" for one in interface.entries):
        return entry
    raise _no_function(contract, interface, entry.signature)


def _no_function(contract: KnownContract, interface: Interface, text: str) -> CliError:
    names = interface.names("function")
    close = get_close_matches(text, names, 1, 0.5) or get_close_matches(
        text, [re.sub(r"\(.*", "", name) for name in names], 1, 0.5
    )
    return CliError(
        f"{contract.label} has no function {text}",
        "it has " + (", ".join(names) or "none"),
        f"did you mean {close[0]}?" if close else "",
        ExitStatus.USAGE,
    )
