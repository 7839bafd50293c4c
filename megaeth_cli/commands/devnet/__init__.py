"""`megaeth devnet ...`: start, watch and stop the processes of a local network (see `devnet.supervision`).

One module per command or kin of commands. Here they get their order in the help.
"""

import typer

from megaeth_cli.commands.devnet.clock import mine, warp
from megaeth_cli.commands.devnet.export import app as export
from megaeth_cli.commands.devnet.faults import incidents, inject
from megaeth_cli.commands.devnet.logs import logs
from megaeth_cli.commands.devnet.nodes import add, promote, restart, start, stop
from megaeth_cli.commands.devnet.pruning import prune
from megaeth_cli.commands.devnet.settings_file import init
from megaeth_cli.commands.devnet.snapshots import revert, snapshot
from megaeth_cli.commands.devnet.status import list_devnets, status
from megaeth_cli.commands.devnet.stopping import down
from megaeth_cli.commands.devnet.top import top
from megaeth_cli.commands.devnet.up import up

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Start, watch and stop a devnet."""


app.command()(up)
app.command()(down)
app.command()(status)
app.command("list")(list_devnets)
for command in (
    top,
    logs,
    add,
    stop,
    start,
    restart,
    promote,
    mine,
    warp,
    snapshot,
    revert,
    prune,
    inject,
    incidents,
    init,
):
    app.command()(command)
app.add_typer(export, name="export")
