"""Options and habits that deploy, tx, call and jit share."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException

from megaeth_cli.abi.values import ValueTextError, hex_bytes, integer
from megaeth_cli.contracts.calls import arguments_of_file
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.transactions.wallet import KEY_VARIABLE

if TYPE_CHECKING:
    from typer._click import Context

_FRACTION = re.compile(r"\d*\.\d+")
_NEGATIVE = re.compile(r"-\d")
# No argument of a process can hold this byte, so the mark cannot be mistaken for something typed.
_MARK = "\0"
AMOUNTS = "an amount is a number of wei, or has a unit: 1ether, 5gwei"

From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="N|ADDRESS",
        help="Dev account by number or address.  [default: that of MEGAETH_PRIVATE_KEY, else 0]",
        show_default=False,
    ),
]
Value = Annotated[
    str, typer.Option("--value", metavar="AMOUNT", help="Ether to send along: 1ether, 5gwei, or wei.")
]
PrivateKey = Annotated[
    str | None,
    typer.Option(
        "--private-key", metavar="HEX", help=f"Sign with this key (better: the variable {KEY_VARIABLE})."
    ),
]
Keystore = Annotated[
    Path | None, typer.Option("--keystore", metavar="FILE", help="Sign with the key in a keystore file.")
]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", metavar="FILE", help="Holds the keystore's password.")
]
GasLimit = Annotated[
    str | None,
    typer.Option("--gas-limit", metavar="GAS", help="Instead of an estimate; sends even what would fail."),
]
Nonce = Annotated[
    int | None,
    typer.Option("--nonce", min=0, metavar="N", help="Instead of the account's next nonce."),
]
Unlimited = Annotated[
    bool, typer.Option("--unlimited", help="Lift the limits of gas and compute gas for the call.")
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Take the contract for this one: its ABI and storage layout."),
]
AbiFile = Annotated[
    Path | None,
    typer.Option("--abi", metavar="FILE", help="Take its ABI from here: JSON, or any build artifact."),
]
ConstructorArguments = Annotated[
    Path | None,
    typer.Option(
        "--constructor-args", metavar="FILE", help="Arguments from a file: JSON array, or one per line."
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the hash at once; don't wait.")]


class NegativeNumbers(TyperCommand):
    """A command whose arguments may be negative numbers: `-5` is an argument, not an option."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Hide negative numbers from the option parser."""
        try:
            return super().parse_args(ctx, [_MARK + arg if _NEGATIVE.match(arg) else arg for arg in args])
        except TyperException as error:
            # It quotes what it was given.
            error.message = error.message.replace(repr(_MARK)[1:-1], "").replace(_MARK, "")
            raise


def arguments(texts: Sequence[str] | None) -> list[str]:
    """The arguments as they were typed."""
    return [text.removeprefix(_MARK) for text in texts or ()]


def argument_texts(env: Environment, typed: list[str], file: Path | None) -> list[str]:
    """The constructor's arguments, typed or in a file."""
    if file is None:
        return typed
    if typed:
        raise CliError("either arguments or --constructor-args, not both", status=ExitStatus.USAGE)
    try:
        return arguments_of_file((env.cwd / file).read_text(), str(file))
    except OSError as error:
        why = error.strerror or str(error)
        raise CliError(f"--constructor-args {file} cannot be read", why, status=ExitStatus.USAGE) from None


def amount(text: str, option: str) -> int:
    """A number that is not negative, with or without a unit. `--value 1.0` is refused as 1.5 is: it means no wei."""
    if option == "--value" and _FRACTION.fullmatch(text):
        raise CliError(
            f"--value: {text} wei is not meant, or is it?",
            "an amount with a point wants a unit",
            f"did you mean {text}ether?",
            ExitStatus.USAGE,
        )
    try:
        number = integer(text.removeprefix(_MARK))
    except ValueTextError as error:
        raise CliError(f"{option}: {error}", "", AMOUNTS, ExitStatus.USAGE) from None
    if number < 0 or number >> 256:
        shown = text.removeprefix(_MARK)
        raise CliError(
            f"{option}: {shown} is out of range",
            "it is below 0, or has more than 256 bits",
            AMOUNTS,
            ExitStatus.USAGE,
        )
    return number


def gas_limit(text: str | None) -> int | None:
    """`--gas-limit`."""
    if text is None:
        return None
    number = amount(text, "--gas-limit")
    if number >> 64:
        raise CliError(
            f"--gas-limit: {text} is out of range",
            "it has more than 64 bits",
            "leave --gas-limit out to have it estimated",
            ExitStatus.USAGE,
        )
    return number


def check_hash(text: str) -> None:
    """A transaction hash, or a usage error."""
    try:
        right = len(hex_bytes(text)) == 32
    except ValueTextError:
        right = False
    if not right:
        raise CliError(
            f"not a transaction hash: {text}",
            "a hash is 0x and 64 hex digits",
            "the line that begins with `transaction` in what megaeth tx send shows",
            ExitStatus.USAGE,
        )
