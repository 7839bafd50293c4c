"""`megaeth devnet top`: where the time of transactions goes, live."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from devnet.session import NodeSession, read_session
from megaeth_cli.chain.pipeline import Sample, Window, window
from megaeth_cli.env import Environment, environment
from megaeth_cli.output import show
from megaeth_cli.select_devnet import DataDir, Name, require_session


def top(
    context: typer.Context,
    interval: Annotated[
        float, typer.Option("--interval", "-i", min=0.1, metavar="SECONDS", help="How long a look lasts.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    name: Name = None,
    data_dir: DataDir = None,
) -> None:
    """Show the pipeline of each node at work: rates, queues, what each stage takes, mini-blocks on time.

    Goes on until Ctrl-C; with --json or --once it looks once. What a stage is: docs/pipeline.md.
    """
    env = environment(context)
    session = require_session(env, name, data_dir)
    watch = _Watch([node for node in session.nodes if "http" in node.endpoints])
    file = env.paths.network(session.name).session

    def render() -> object:
        from megaeth_cli.output.top import top_view

        return top_view(found, _leader(file))

    if env.json or once or not env.stdout.isatty():
        found = watch.look(interval)
        show(env, {node: _json(window) for node, window in found.items()}, render)  # type: ignore[arg-type]
        return
    _live(env, watch, interval, file)


def _leader(file: Path) -> str:
    """Who leads now, where that may change."""
    session = read_session(file)
    return session.leader if session is not None else ""


def _json(found: Window | None) -> object:
    return found.as_json() if found is not None else None


def _live(env: Environment, watch: "_Watch", interval_s: float, file: Path) -> None:
    from rich.live import Live

    from megaeth_cli.output.top import top_view

    with Live(console=env.console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(top_view(watch.look(interval_s), _leader(file)), refresh=True)


class _Watch:
    """Looks at nodes again and again; each look begins where the last one ended."""

    def __init__(self, nodes: Sequence[NodeSession]) -> None:
        self._nodes = nodes
        self._before = self._ask()

    def look(self, interval_s: float) -> dict[str, Window | None]:
        """What each node did in the next moments; None for one that tells nothing."""
        time.sleep(interval_s)
        after = self._ask()
        found = {}
        for node, before, now in zip(self._nodes, self._before, after, strict=True):
            found[node.name] = window(before, now) if before is not None and now is not None else None
        self._before = after
        return found

    def _ask(self) -> list[Sample | None]:
        with ThreadPoolExecutor(max(1, len(self._nodes)), thread_name_prefix="metrics") as pool:
            return list(pool.map(lambda node: Sample.take(node.endpoints["http"]), self._nodes))
