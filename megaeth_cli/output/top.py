"""The live view of `megaeth devnet top`. Rendering only."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megaeth_cli.chain.pipeline import Durations, IntervalRow, StageRow, Window

US_PER_MS = 1_000
US_PER_S = 1_000_000
NEARLY_FULL = 0.8
LATE_PERCENT = 99.0


def top_view(nodes: Mapping[str, Window | None], leader: str = "") -> RenderableType:
    """Each node's rates and stages, one node below the other. `leader`: who leads, where that may change."""
    parts: list[RenderableType] = []
    for name, window in nodes.items():
        if parts:
            parts.append(Text(""))
        parts.append(_headline(f"{name} (leads)" if name == leader else name, window))
        if window is None:
            continue
        parts += [Text(text, style="dim") for text in _gauges(window.gauges)]
        if window.intervals is not None:
            parts.append(_intervals(window.intervals))
        parts.append(_stages(window.stages))
    return Group(*parts)


def _headline(name: str, window: Window | None) -> Text:
    if window is None:
        return Text.assemble((name, "bold"), ("  tells nothing", "yellow"))
    text = Text.assemble((name, "bold"))
    if window.intervals is not None:
        text.append(f"  {window.transactions_per_second:,.0f} tx/s", style="bold green")
        text.append(f"  admitted {window.admitted_per_second:,.0f}/s")
        refused = window.refused_per_second
        text.append(f"  refused {refused:,.0f}/s", style="yellow" if refused else "")
        if window.ahead_per_second or window.in_vain_per_second:
            text.append(f"  ahead {window.ahead_per_second:,.0f}/s")
            text.append(f"  in vain {window.in_vain_per_second:,.0f}/s")
    return text


def _gauges(gauges: Mapping[str, int]) -> list[str]:
    shown = [f"{name.removeprefix('visible_').replace('_', ' ')} {value:,}" for name, value in gauges.items()]
    return [" · ".join(shown)] if shown else []


def _intervals(row: IntervalRow) -> Text:
    text = Text("mini-blocks: ")
    text.append(
        f"{row.on_time_percent:.1f} % on time",
        style="green" if row.on_time_percent >= LATE_PERCENT else "bold yellow",
    )
    text.append(
        f" (within half of {row.target_us / US_PER_MS:g} ms)"
        f"   p50 {_time(row.took.p50_us)}  p99 {_time(row.took.p99_us)}  longest {_time(row.took.max_us)}"
    )
    for cause, late in row.late.items():
        text.append(f"\n  late, {cause}: {late.count} (longest {_time(late.max_us)})", style="dim")
    return text


def _stages(stages: Sequence[StageRow]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("stage", "waiting", "per second", "mean", "p50", "p99", "longest"):
        table.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    for stage in stages:
        table.add_row(stage.name, _depth(stage), f"{stage.per_second:,.0f}", *_times(stage.took))
    return table


def _depth(stage: StageRow) -> Text:
    if stage.depth is None:
        return Text("")
    full = stage.capacity is not None and stage.depth >= NEARLY_FULL * stage.capacity
    return Text(f"{stage.depth:,}", style="bold red" if full else "")


def _times(took: Durations | None) -> Sequence[str]:
    if took is None:
        return ("-",) * 4
    return tuple(_time(us) for us in (took.mean_us, took.p50_us, took.p99_us, took.max_us))


def _time(us: float) -> str:
    """Durations for people: 0.8 us, 12 us, 3.4 ms, 2.1 s."""
    for unit, size in (("s", US_PER_S), ("ms", US_PER_MS)):
        if us >= size:
            return f"{us / size:.1f} {unit}"
    return f"{us:.0f} µs" if us >= 10 else f"{us:.1f} µs"
