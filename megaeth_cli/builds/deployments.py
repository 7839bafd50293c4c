"""Records of what was deployed where: hardhat ignition's, forge scripts', truffle's, hardhat-deploy's.

A record says a name and an address; what the contract is comes from the artifacts beside it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from megaeth_cli.abi.values import ValueTextError, hex_bytes
from megaeth_cli.builds.files import load
from megaeth_cli.builds.model import BuildError, Deployed

Json = Any
_CREATIONS = ("CREATE", "CREATE2")


def ignition(directory: Path) -> Iterator[Deployed]:
    """Of one deployment: `ignition/deployments/chain-6343`."""
    chain_id = _ignition_chain(directory)
    for future, text in _object(directory / "deployed_addresses.json").items():
        artifact = directory / "artifacts" / f"{future}.json"
        body = _object(artifact) if artifact.is_file() else {}
        name = body.get("contractName") or future.rpartition("#")[2]
        unit = body.get("inputSourceName") or body.get("sourceName") or ""
        yield Deployed(name, _address(text, directory), chain_id, "ignition", unit)


def _ignition_chain(directory: Path) -> int:
    """The journal's first line says it; the directory's name is only a habit."""
    try:
        with (directory / "journal.jsonl").open() as journal:
            for line in journal:
                if (fields := json.loads(line.strip() or "null")) and "chainId" in fields:
                    return int(fields["chainId"])
    except (OSError, ValueError) as error:
        raise BuildError(f"{directory / 'journal.jsonl'} cannot be read", str(error)) from None
    raise BuildError(f"{directory} does not say of which chain it is", "its journal names no chainId")


def broadcast(run: Path) -> Iterator[Deployed]:
    """Of one run of a forge script: `broadcast/Deploy.s.sol/6343/run-latest.json`."""
    body = _object(run)
    chain_id = int(body.get("chain") or 0)
    for transaction in body.get("transactions", ()):
        name, hash_ = transaction.get("contractName") or "", transaction.get("hash") or ""
        if transaction.get("transactionType") in _CREATIONS and transaction.get("contractAddress"):
            where = _address(transaction["contractAddress"], run)
            # `path:Name` where the name alone would be ambiguous.
            unit, _, short = name.rpartition(":")
            yield Deployed(short, where, chain_id, "forge script", unit, hash_)
        for other in transaction.get("additionalContracts") or ():
            yield Deployed(
                other.get("contractName") or "",
                _address(other["address"], run),
                chain_id,
                "forge script",
                "",
                hash_,
            )


def truffle(artifact: Path, body: Json, unit: str) -> Iterator[Deployed]:
    """Of an artifact, which also says where its contract was deployed. Networks are numbered like chains."""
    for network, place in (body.get("networks") or {}).items():
        if str(network).isdecimal() and place.get("address"):
            yield Deployed(
                body["contractName"],
                _address(place["address"], artifact),
                int(network),
                "truffle",
                unit,
                place.get("transactionHash") or "",
            )


def hardhat_deploy(artifact: Path, body: Json, unit: str) -> Iterator[Deployed]:
    """Of an artifact in `deployments/localhost`, which has the chain in a file beside it."""
    chain = artifact.with_name(".chainId")
    if "address" in body and chain.is_file():
        number = chain.read_text().strip()
        if not number.isdecimal():
            raise BuildError(f"{chain} is damaged", f"{number!r} is no chain id")
        yield Deployed(
            artifact.stem,
            _address(body["address"], artifact),
            int(number),
            "hardhat-deploy",
            unit,
            body.get("transactionHash") or "",
        )


def _object(path: Path) -> dict[str, Json]:
    body = load(path)
    if not isinstance(body, dict):
        raise BuildError(f"{path} is damaged", "it holds no JSON object")
    return body


def _address(text: Json, where: Path) -> bytes:
    try:
        raw = hex_bytes(str(text))
    except ValueTextError as error:
        raise BuildError(f"{where} is damaged", str(error)) from None
    if len(raw) != 20:
        raise BuildError(f"{where} is damaged", f"{text} is no address")
    return raw
