"""`megaeth bench`: put a load on a node and say what it did with it, and who set the limit."""

import ipaddress
import socket
from typing import Annotated, Literal

import typer

from megaeth_cli import options
from megaeth_cli.chain.rpc_client import RpcError
from megaeth_cli.commands.contract_options import From, Keystore, PasswordFile, PrivateKey
from megaeth_cli.contracts.network import Network
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.load.funder import Funder
from megaeth_cli.load.outcome import Outcome
from megaeth_cli.load.run import Shape, ask, send
from megaeth_cli.load.senders import derived
from megaeth_cli.load.wire import Endpoint, LoadError
from megaeth_cli.load.workloads import READS, WORKLOADS, Workload, questions
from megaeth_cli.output import show
from megaeth_cli.output.load import outcome_text
from megaeth_cli.transactions.wallet import Choice, choose

Mode = Literal["batch", "single", "ws", "realtime"]

DEFAULT_COUNT = 20_000
DEFAULT_SECONDS = 10.0
WARM_UP_COUNT = 2_000
MAX_COUNT = 200_000
READ_ACCOUNTS = 100
"""Whose balances are asked for."""
MORE = 1.3
"""Signed for a load that ends by the clock: so many times what the warm-up says is needed."""
CONNECTIONS = {"batch": 4, "single": 32, "ws": 32, "realtime": 32}

app = typer.Typer()


@app.command()
def bench(
    context: typer.Context,
    workload: Annotated[
        str,
        typer.Option("--workload", "-w", metavar="KIND", help="transfers, erc20, swaps, or reads:METHOD."),
    ] = "transfers",
    mode: Annotated[
        Mode | None,
        typer.Option(
            "--mode",
            "-m",
            help="Batches over HTTP (default), single requests over HTTP or WebSocket (reads: single), or "
            "requests that are answered with the receipt.",
            show_default=False,
        ),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(
            "--connections",
            "-c",
            min=1,
            max=1000,
            metavar="N",
            help="Connections, each with one request in flight.  [default: 4 for batches, else 32]",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[
        int,
        typer.Option("--batch", min=1, max=1000, metavar="N", help="Calls in a request, with --mode batch."),
    ] = 100,
    rate: Annotated[
        str, typer.Option("--rate", metavar="R|max", help="Calls per second; max: as they are answered.")
    ] = "max",
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            min=0.1,
            metavar="S",
            help=f"Seconds to send.  [default: {DEFAULT_SECONDS:g} with --rate and for reads]",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            "-n",
            min=1,
            metavar="N",
            help=f"Calls instead of seconds.  [default: {DEFAULT_COUNT:,} transactions]",
            show_default=False,
        ),
    ] = None,
    accounts: Annotated[
        int, typer.Option("--accounts", min=1, max=5_000, metavar="N", help="Senders, who take turns.")
    ] = 100,
    params: Annotated[
        str | None, typer.Option("--params", metavar="JSON", help="Parameters of reads:METHOD.")
    ] = None,
    with_permission: Annotated[
        bool,
        typer.Option(
            "--with-permission", help="The node is not on this machine, and its owner agrees to this load."
        ),
    ] = False,
    sender: From = None,
    private_key: PrivateKey = None,
    keystore: Keystore = None,
    password_file: PasswordFile = None,
    rpc_url: options.RpcUrl = None,
) -> int:
    """Put a load on the running devnet, or on any node: transactions until they are included, or reads.

    The senders are new accounts, paid for by --from or a key.
    """
    env = environment(context)
    network = Network.open(context, rpc_url)
    endpoint = _endpoint(network.node.url)
    _only_here(endpoint, with_permission)
    per_second = _rate(rate)
    if count is not None and duration is not None:
        raise CliError("either --count or --duration, not both", status=ExitStatus.USAGE)
    reads = workload.startswith(READS)
    node = _process(network)
    mode = mode or ("single" if reads else "batch")
    shape = Shape(
        connections=connections or CONNECTIONS[mode],
        batch=batch if mode == "batch" else 1,
        websocket=mode == "ws",
        rate=per_second,
        count=count,
        seconds=duration,
    )
    try:
        if reads:
            outcome = _read(endpoint, workload.removeprefix(READS), params, shape, node)
        else:
            funder = choose(network, Choice(sender, private_key, keystore, password_file))
            outcome = _write(
                env,
                endpoint,
                _workload(network, workload, funder.key, accounts),
                shape,
                mode == "realtime",
                node,
            )
    except LoadError as error:
        raise CliError("the load could not be put on", str(error)) from None
    what = {"url": network.node.url, "workload": workload, "mode": mode, "connections": shape.connections}
    body = {**what, "batch": shape.batch, **outcome.to_json()}
    show(env, body, lambda: outcome_text(outcome, workload, network.node.url, shape))
    return ExitStatus.SUCCESS if outcome.clean else ExitStatus.FAILURE


def _read(endpoint: Endpoint, method: str, params: str | None, shape: Shape, node: int | None) -> Outcome:
    known = derived(b"", READ_ACCOUNTS)
    asked = questions(method, params, [one.address for one in known])
    if shape.count is None and shape.seconds is None:
        shape = shape.ending(seconds=DEFAULT_SECONDS)
    return ask(endpoint, asked, shape, node=node)


def _write(
    env: Environment, endpoint: Endpoint, load: Workload, shape: Shape, realtime: bool, node: int | None
) -> Outcome:
    method = _receipt_method(load) if realtime else "eth_sendRawTransaction"
    if shape.count is None and shape.seconds is None:
        shape = (
            shape.ending(count=DEFAULT_COUNT) if shape.rate is None else shape.ending(seconds=DEFAULT_SECONDS)
        )
    env.note(f"preparing {len(load.senders):,} senders")
    load.prepare(_each(shape, len(load.senders)))
    env.note("warming up")
    groups = load.groups(shape.connections, method)
    warm_up = send(endpoint, groups, shape.ending(count=_warm_up(shape)).at_once())
    if warm_up.refused or warm_up.missing:
        return warm_up
    if shape.rate is None and shape.seconds is not None:
        enough = round(MORE * shape.seconds * warm_up.per_second) + WARM_UP_COUNT
        shape = shape.ending(count=min(enough, MAX_COUNT), seconds=shape.seconds)
    env.note("signing and sending")
    return send(endpoint, load.groups(shape.connections, method), shape, node=node)


def _workload(network: Network, name: str, key: bytes, accounts: int) -> Workload:
    kind = WORKLOADS.get(name)
    if kind is None:
        raise CliError(
            f"--workload: there is no {name}",
            f"there are {', '.join(WORKLOADS)} and {READS}METHOD",
            f"for example --workload {READS}eth_blockNumber",
            ExitStatus.USAGE,
        )
    funder = Funder(network.node, key)
    return kind(funder, derived(key, accounts))


def _receipt_method(load: Workload) -> str:
    """What MegaETH calls it, or what others do."""
    try:
        load.funder.node.call("realtime_sendRawTransaction", "0x")
    except RpcError as error:
        if error.code in (-32601, -32004):
            return "eth_sendRawTransactionSync"
    return "realtime_sendRawTransaction"


def _each(shape: Shape, senders: int) -> int | None:
    """Transactions of one sender, warm-up included, where that is known."""
    wanted = shape.count
    if wanted is None and shape.rate is not None and shape.seconds is not None:
        wanted = round(shape.rate * shape.seconds)
    return None if wanted is None else -(-(wanted + _warm_up(shape)) // senders) + shape.batch


def _process(network: Network) -> int | None:
    """The process behind the URL, if it is of a devnet that runs here."""
    if network.session is None:
        return None
    url = network.node.url.rstrip("/")
    for node in network.session.nodes:
        if url in (one.rstrip("/") for one in node.endpoints.values()):
            return node.process.pid
    return None


def _warm_up(shape: Shape) -> int:
    """Transactions before the clock starts."""
    return WARM_UP_COUNT if shape.count is None else min(WARM_UP_COUNT, shape.count)


def _endpoint(url: str) -> Endpoint:
    try:
        return Endpoint.of(url)
    except ValueError as error:
        raise CliError("not a URL for a load", str(error), status=ExitStatus.USAGE) from None


def _only_here(endpoint: Endpoint, permitted: bool) -> None:
    """A load on somebody else's node is an attack unless that somebody agrees."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise CliError(f"{endpoint.host} is unknown", str(error), status=ExitStatus.NOT_RUNNING) from None
    addresses = [str(one[4][0]) for one in found]
    if not permitted and not all(ipaddress.ip_address(one).is_loopback for one in addresses):
        raise CliError(
            f"{endpoint.host} is not this machine",
            "a load can hurt whoever else uses that node",
            "with its owner's agreement: --with-permission",
            ExitStatus.USAGE,
        )


def _rate(text: str) -> float | None:
    if text == "max":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e9:
        raise CliError(f"--rate: {text} is no rate", "calls per second, or max", status=ExitStatus.USAGE)
    return rate
