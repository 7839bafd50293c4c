"""`megaeth import PATH...`: know by name what forge, hardhat, truffle or solc built, and what they deployed here."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from megaeth_cli import builds, options
from megaeth_cli.builds import Built, Deployed, Found
from megaeth_cli.compile.compilers import Search
from megaeth_cli.contracts.artifacts import Artifact, ArtifactStore, Template
from megaeth_cli.contracts.chain_search import ChainSearch
from megaeth_cli.contracts.network import Network
from megaeth_cli.env import environment
from megaeth_cli.output import show
from megaeth_cli.output.imported import imported_text
from megaeth_cli.units import checksummed

Json = Any

app = typer.Typer()


@dataclass
class Imported:
    """What an import made known."""

    built: list[Built]
    addresses: dict[str, list[str]] = field(default_factory=dict)
    """Of what stands on this chain, by name."""
    notes: list[str] = field(default_factory=list)


@app.command()
def import_(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Artifacts or records: a file, a directory like out/ or artifacts/, or a project.  [default: .]",
            show_default=False,
        ),
    ] = None,
    rpc_url: options.RpcUrl = None,
) -> None:
    """Know by name what other tools built, and what they deployed on this chain.

    Takes forge's out/ and broadcast/, hardhat's artifacts/ and ignition/deployments/, truffle's build/contracts/ and
    solc's output. From then on their contracts have names, ABIs and storage layouts wherever they are met, also those
    that are deployed later.
    """
    env = environment(context)
    network = Network.open(context, rpc_url)
    _ = network.chain_id  # a node that does not answer is told before anything is read
    found = Found()
    for path in paths or [Path()]:
        found.add(builds.find(env.cwd / path.expanduser()))
    _with_scripts_artifacts(found)
    found.built = [_with_known_layout(network.artifacts, one) for one in found.built]
    sources = builds.Sources(found)
    built, notes = sources.with_layouts(Search(env.paths.cache, dict(env.variables), say=env.note))
    notes = [*found.unread, *notes]
    templates = _save(network.artifacts, sources, built)
    made = Imported(built, notes=notes)
    _record(network, found.deployed, templates, made)
    ChainSearch(network.node, network.artifacts, network.env.note).run()
    for artifact in network.artifacts.deployed():
        made.addresses.setdefault(artifact.name, []).append(artifact.address)
    body = _json(made)
    show(env, body, lambda: imported_text(body))
    if not env.json:
        for note in made.notes:
            env.note(note)


def _with_scripts_artifacts(found: Found) -> None:
    """A forge script's record says names only: what they mean lies in the project's out/."""
    if found.built or not found.deployed:
        return
    for root in list(found.roots):
        if (root / "out").is_dir():
            found.add(builds.find(root / "out"))


def _with_known_layout(store: ArtifactStore, one: Built) -> Built:
    """What an earlier import learnt of the same build needs no sources any more."""
    contract = one.contract
    if contract.layout or contract.pattern is None:
        return one
    known = (each.artifact.layout for each in store.builds(contract.name, contract.pattern))
    layout = next(filter(None, known), contract.layout)
    return replace(one, contract=replace(contract, layout=dict(layout)))


def _save(store: ArtifactStore, sources: builds.Sources, built: list[Built]) -> list[Artifact]:
    keys: dict[tuple[Path, str], str] = {}
    for one, key, maps in sources.maps():
        if key not in keys.values():
            store.save_sources(key, maps)
        keys[one.file, one.contract.full_name] = key
    saved = []
    for one in built:
        contract = one.contract
        if contract.pattern is None or not (contract.abi or contract.layout.get("storage")):
            # Interfaces, and libraries whose functions are all internal: nothing could be read by them.
            continue
        artifact = Artifact(
            name=contract.name,
            unit=contract.unit,
            address="",
            transaction="",
            deployer="",
            compiler=f"solc {one.compiler}" if one.compiler else one.tool,
            source_hash=keys.get((one.file, contract.full_name), ""),
            abi=contract.abi,
            bytecode=f"0x{contract.bytecode}",
            layout=contract.layout,
        )
        store.save_template(Template(artifact, contract.pattern, imported=True))
        saved.append(artifact)
    return saved


def _record(network: Network, deployed: list[Deployed], built: list[Artifact], made: Imported) -> None:
    """Keep what records say, as far as it is of this chain and true on it."""
    elsewhere = {one.chain_id for one in deployed} - {network.chain_id}
    if elsewhere:
        chains = ", ".join(map(str, sorted(elsewhere)))
        made.notes.append(f"records of chain {chains} left out: this is chain {network.chain_id}")
    here = list({one.address: one for one in deployed if one.chain_id == network.chain_id}.values())
    network.contracts.expect(one.address for one in here)
    for one in here:
        likely = [each for each in built if each.name == one.name and one.unit in ("", each.unit)]
        code = network.contracts.code(one.address)
        known = network.artifacts.recognise(code, likely[0] if likely else None) if code else None
        if known is None:
            why = "it has other code than what was built" if code else "there is no code now"
            made.notes.append(f"{one.name or 'a contract'} at {checksummed(one.address)} left out: {why}")
            continue
        earlier = network.artifacts.at(one.address)
        if earlier is not None and (earlier.name, earlier.known_by) == (known.artifact.name, "deployment"):
            # Deployed from here: that record says more, such as who did it and with which arguments.
            network.artifacts.save(earlier.with_missing_of(known.artifact))
            continue
        network.artifacts.save(
            replace(
                known.artifact,
                address=checksummed(one.address),
                transaction=one.transaction,
                known_by="record",
            )
        )


def _json(made: Imported) -> dict[str, Json]:
    return {
        "contracts": [
            {
                "name": one.contract.name,
                "unit": one.contract.unit,
                "tool": one.tool,
                "compiler": one.compiler or None,
                "layout": bool(one.contract.layout),
                "lines": bool(one.source_map),
                "addresses": made.addresses.get(one.contract.name, []),
            }
            for one in made.built
            if one.contract.runtime
        ],
        "notes": made.notes,
    }
