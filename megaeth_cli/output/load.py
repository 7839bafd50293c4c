"""What a load came to, for people. Rendering only."""

from megaeth_cli.load.outcome import BUSY, Latency, Outcome
from megaeth_cli.load.run import Shape
from megaeth_cli.output.facts import labelled

MAX_KINDS = 5
OTHERS = 0.1
"""Of all cores: more than that, and the number says little."""


def outcome_text(outcome: Outcome, workload: str, url: str, shape: Shape) -> str:
    """Rates first, then latencies, then what went wrong and who set the limit."""
    included = outcome.included_per_second
    rows = [
        ("accepted", f"{outcome.per_second:,.0f}/s  ({outcome.calls:,} in {outcome.seconds:.2f} s)"),
        ("included", f"{included:,.0f}/s" if included is not None else ""),
        ("send to answer", _latency(outcome.acknowledged)),
        ("send to inclusion", _latency(outcome.inclusion)),
        ("refused", f"{outcome.refused:,}" if outcome.refused else ""),
        ("not included", f"{outcome.missing:,}" if outcome.missing else ""),
        (
            "errors",
            "\n".join(f"{times:,} x {kind}" for kind, times in [*outcome.errors.items()][:MAX_KINDS]),
        ),
        ("node", _node(outcome)),
        ("generator", _generator(outcome)),
        ("limit", _limit(outcome)),
    ]
    return f"{workload} on {url}, {_how(shape)}\n{labelled(rows)}"


def _how(shape: Shape) -> str:
    what = f"batches of {shape.batch:,}" if shape.batch > 1 else "single requests"
    kind = " over WebSocket" if shape.websocket else ""
    pace = "as fast as answered" if shape.rate is None else f"{shape.rate:,.0f}/s"
    return f"{what}{kind} on {shape.connections:,} connections, {pace}"


def _latency(latency: Latency | None) -> str:
    if latency is None:
        return ""
    return f"p50 {latency.p50:.2f}  p90 {latency.p90:.2f}  p99 {latency.p99:.2f}  most {latency.most:.2f} ms"


def _node(outcome: Outcome) -> str:
    used = outcome.node_cpu_s
    if used is None or not outcome.calls:
        return ""
    return f"{100 * used / outcome.seconds:.0f} % of a core, {1e6 * used / outcome.calls:,.0f} us per call"


def _generator(outcome: Outcome) -> str:
    one = outcome.generator
    signing = f", signing {100 * one.signing_share:.0f} %" if one.signing_share else ""
    late = f", p99 {one.late_ms:.1f} ms late" if one.late_ms else ""
    each = 1e6 * one.cpu_share * outcome.seconds / outcome.calls if outcome.calls else 0
    return f"{100 * one.cpu_share:.0f} % of a core, {each:,.0f} us per call{signing}{late}"


def _limit(outcome: Outcome) -> str:
    match outcome.limit:
        case "rate":
            return "the rate that was asked for"
        case "node":
            return "the node: neither the generator nor the machine was busy"
        case "machine":
            return _machine(outcome)
        case "generator":
            return _own_limit(outcome)


def _machine(outcome: Outcome) -> str:
    busy = f"the machine: its cores were {100 * (1 - outcome.idle_share):.0f} % busy"
    others = outcome.others_share
    if others is None:
        return f"{busy} with node, generator and whatever else runs"
    return (
        f"{busy}, {100 * others:.0f} % WITH OTHER PROGRAMS"
        if others > OTHERS
        else f"{busy} with node and generator"
    )


def _own_limit(outcome: Outcome) -> str:
    one = outcome.generator
    if one.cpu_share >= BUSY:
        return "THE GENERATOR: its thread had no time left; the node may do more"
    if one.starved:
        return f"THE GENERATOR: {one.starved:,} times nothing was signed yet; the node may do more"
    return f"THE GENERATOR: it sent {one.late_ms:.1f} ms late (p99) what was due; the node may do more"
