"""`--as NAME` and `--abi FILE`: what the user says a contract is, where this machine can't know or is wrong."""

from pathlib import Path

from megaeth_cli.contracts.artifacts import Artifact
from megaeth_cli.contracts.known_contracts import KnownContract
from megaeth_cli.contracts.network import Network
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.known import ADDRESSES, predeploy


def take(network: Network, address: bytes, name: str | None, abi: Path | None) -> KnownContract:
    """The contract at an address, as the options say it is."""
    if (wanted := told(network, name, abi)) is not None:
        network.contracts.tell(address, wanted)
    return network.contracts.at(address)


def told(network: Network, name: str | None, abi: Path | None) -> KnownContract | None:
    """What the options say; None without them."""
    if name is not None and abi is not None:
        raise CliError("either --as or --abi, not both", status=ExitStatus.USAGE)
    if abi is not None:
        return of_file(network.env.cwd / abi.expanduser())
    return _by_name(network, name) if name is not None else None


def _by_name(network: Network, name: str) -> KnownContract:
    store = network.artifacts
    templates = [one.artifact for one in store.templates(name)]
    # The newest build of a contract describes it better than one that was deployed once.
    artifact = next(iter(templates), None) or store.named(name)
    if artifact is not None:
        return KnownContract(b"", artifact)
    if name in ADDRESSES:
        return KnownContract(b"", predeploy=predeploy(ADDRESSES[name]), has_predeploys_code=True)
    raise network.unknown(name, "--as")


def of_file(path: Path) -> KnownContract:
    """The one contract of an artifact, or of a file that is an ABI."""
    # Imported here: a call without the option shall not pay for it.
    from megaeth_cli import builds

    if not path.is_file():
        raise CliError(f"--abi: no such file: {path}", "", "check the path", ExitStatus.USAGE)
    built = builds.only(builds.find(path).built, path)
    contract = built.contract
    artifact = Artifact(
        name=contract.name,
        unit=contract.unit,
        address="",
        transaction="",
        deployer="",
        compiler=f"solc {built.compiler}".strip(),
        source_hash="",
        abi=contract.abi,
        bytecode=f"0x{contract.bytecode}",
        layout=contract.layout,
    )
    return KnownContract(b"", artifact)
