"""Who signs: a dev account, a private key or a keystore file. Keys are read here and stay in this process."""

from dataclasses import dataclass
from pathlib import Path

from devnet import _engine
from megaeth_cli.abi.values import ValueTextError, hex_bytes
from megaeth_cli.contracts.network import Network
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.units import checksummed

MAX_INDEX = 10_000
KEY_VARIABLE = "MEGAETH_PRIVATE_KEY"
PASSWORD_VARIABLE = "MEGAETH_KEYSTORE_PASSWORD"


@dataclass(frozen=True)
class Signer:
    """An account whose key is at hand."""

    address: bytes
    key: bytes

    @property
    def shown(self) -> str:
        """Its address for people."""
        return checksummed(self.address)


@dataclass(frozen=True)
class Choice:
    """The options that choose a signer, as typed."""

    sender: str | None = None
    private_key: str | None = None
    keystore: Path | None = None
    password_file: Path | None = None


def dev_accounts(network: Network, count: int | None = None) -> list[Signer]:
    """The funded accounts of the devnet's mnemonic, or the first `count`."""
    from devnet.genesis.accounts import derive

    wanted = count if count is not None else network.account_count
    return [Signer(bytes.fromhex(one.address[2:]), one.key) for one in derive(network.mnemonic, wanted)]


def choose(network: Network, choice: Choice) -> Signer:
    """The signer that the options name; the first dev account when they name none."""
    env = network.env
    if choice.private_key is not None and choice.keystore is not None:
        raise CliError("--private-key and --keystore exclude each other", status=ExitStatus.USAGE)
    if choice.keystore is not None:
        return _checked(_from_keystore(env, choice.keystore, choice.password_file), choice.sender, network)
    if choice.private_key is not None:
        env.note("a key on the command line stays in the shell's history; " + KEY_VARIABLE + " does not")
        return _checked(_from_key(choice.private_key, "--private-key"), choice.sender, network)
    if choice.sender is None and (key := env.variables.get(KEY_VARIABLE)):
        return _from_key(key, KEY_VARIABLE)
    return _dev_account(network, choice.sender or "0")


def caller(network: Network, sender: str | None) -> bytes:
    """Who calls where nothing is signed: whom `--from` names, else the account that would sign a transaction."""
    return address_only(network, sender) if sender is not None else choose(network, Choice()).address


def address_only(network: Network, sender: str) -> bytes:
    """The account of `--from` where nothing is signed: any address, or a dev account's number."""
    return _dev_account(network, sender).address if sender.isdigit() else network.address(sender, "--from")


def _dev_account(network: Network, text: str) -> Signer:
    if text.isdigit():
        index = int(text)
        if index >= MAX_INDEX:
            raise CliError(
                f"--from {text}: no such dev account",
                "",
                "megaeth accounts   lists them by number",
                ExitStatus.USAGE,
            )
        return dev_accounts(network, index + 1)[index]
    wanted = network.address(text, "--from")
    accounts = dev_accounts(network)
    for account in accounts:
        if account.address == wanted:
            return account
    raise CliError(
        f"no key for {checksummed(wanted)}",
        f"it is none of the {len(accounts)} dev accounts",
        "megaeth accounts   or sign with --private-key or --keystore",
        ExitStatus.USAGE,
    )


def _from_key(text: str, where: str) -> Signer:
    try:
        key = hex_bytes(text if text.startswith("0x") else f"0x{text}")
        if len(key) != 32:
            raise ValueTextError("wrong length")
        return Signer(_engine.address_of(key), key)
    except ValueError:
        # The key itself is never shown.
        raise CliError(
            f"{where} is not a private key",
            "it must be 32 bytes in hex",
            "megaeth accounts --keys   shows those of the dev accounts; --from N uses one",
            ExitStatus.USAGE,
        ) from None


def _from_keystore(env: Environment, path: Path, password_file: Path | None) -> Signer:
    import json

    from eth_keyfile.keyfile import decode_keyfile_json

    try:
        content = json.loads((env.cwd / path).read_text())
    except (OSError, ValueError) as error:
        raise CliError(f"--keystore {path} cannot be read", str(error), status=ExitStatus.USAGE) from None
    password = _password(env, password_file)
    try:
        key = bytes(decode_keyfile_json(content, password.encode()))
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        raise CliError(
            f"--keystore {path} does not open",
            str(error) or type(error).__name__,
            "check the password and that the file is a Web3 secret storage",
        ) from None
    return Signer(_engine.address_of(key), key)


def _password(env: Environment, file: Path | None) -> str:
    if file is not None:
        try:
            return (env.cwd / file).read_text().rstrip("\r\n")
        except OSError as error:
            raise CliError(
                f"--password-file {file} cannot be read", str(error), status=ExitStatus.USAGE
            ) from None
    if (given := env.variables.get(PASSWORD_VARIABLE)) is not None:
        return given
    if not env.stdin.isatty():
        raise CliError(
            "the keystore needs a password",
            "there is no terminal to ask on",
            f"--password-file FILE or {PASSWORD_VARIABLE}",
            ExitStatus.USAGE,
        )
    from getpass import getpass

    return getpass("Keystore password: ", env.stderr)


def _checked(signer: Signer, sender: str | None, network: Network) -> Signer:
    """A signer whose address is the one that `--from` expects."""
    if sender is not None and (expected := address_only(network, sender)) != signer.address:
        raise CliError(
            f"the key is of {signer.shown}, not of {checksummed(expected)}",
            "--from names another account than the key",
            "leave --from out",
            ExitStatus.USAGE,
        )
    return signer
