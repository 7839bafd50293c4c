"""`megaeth devnet inject|incidents`: have something go wrong on purpose, and what nodes have found wrong."""

from typing import Annotated, Any

import typer

from megaeth_cli.env import environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.faults.kinds import Fault
from megaeth_cli.output import show
from megaeth_cli.select_devnet import DataDir, Name, require_session


def inject(
    context: typer.Context,
    kind: Annotated[Fault, typer.Argument(help="What shall go wrong.", show_default=False)],
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="Who plays it, when several could.")
    ] = None,
    patience: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=1, help="For somebody to notice.")
    ] = 60.0,
    name: Name = None,
    data_dir: DataDir = None,
) -> int:
    """Have a node lie or fail on purpose, and show who notices, when, and with what evidence. Exit code 1: nobody does.

    The chain itself stays true: nodes that were lied to give up what they got and take the truth instead.
    """
    from megaeth_cli.faults import injection

    env = environment(context)
    session = require_session(env, name, data_dir)
    env.note(f"having '{kind}' played ...")
    outcome = injection.inject(session, kind, node, patience)

    def render() -> Any:  # noqa: ANN401
        from megaeth_cli.output.incidents import outcome_text

        return outcome_text(outcome)

    show(env, outcome.to_json(), render)
    return ExitStatus.SUCCESS if outcome.detection is not None else ExitStatus.FAILURE


def incidents(
    context: typer.Context,
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", help="Only of this node.", show_default=False)
    ] = None,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """List what nodes have found wrong: when, what, and where the evidence lies."""
    from megaeth_cli.faults.injection import noticed_by

    env = environment(context)
    session = require_session(env, name, data_dir)
    if node is not None and session.node(node) is None:
        known = ", ".join(each.name for each in session.nodes)
        raise CliError(f"there is no node '{node}'", f"this devnet has {known}", "megaeth devnet status")
    noticed = [
        noticed_by(session, each)
        for each in session.nodes
        if "http" in each.endpoints and node in (None, each.name)
    ]
    found = [incident for each in noticed for incident in each.incidents]
    found.sort(key=lambda incident: str(incident["at"]))
    dropped = {
        each.node: {"incidents": each.dropped, "reproductions": each.dropped_reproductions}
        for each in noticed
        if each.dropped or each.dropped_reproductions
    }

    def render() -> Any:  # noqa: ANN401
        from megaeth_cli.output.incidents import incidents_table

        return incidents_table(found, dropped)

    show(env, {"incidents": found, "dropped": dropped}, render)
