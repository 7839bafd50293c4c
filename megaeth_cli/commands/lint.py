"""`megaeth lint FILE|DIR`: patterns in Solidity that bite on MegaETH, with what they cost there."""

import enum
import json
from pathlib import Path
from typing import Annotated

import typer

from devnet.config import SPECS, Config
from megaeth_cli.commands.compiler_options import (
    EvmVersion,
    Optimize,
    Remapping,
    Runs,
    Solc,
    ViaIr,
    compiler_options,
)
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.lint import RULES, Costs, Level, Report, Rule, lint
from megaeth_cli.lint.files import sources
from megaeth_cli.lint.sarif import sarif
from megaeth_cli.output import print_whole, print_wrapped
from megaeth_cli.output.lint import (
    deployments_table,
    finding_line,
    findings_view,
    report_json,
    rule_json,
    rule_view,
    summary,
)
from megaeth_cli.output_file import write_new

app = typer.Typer()

_STDOUT = Path("-")


class FailOn(enum.StrEnum):
    """From which level on findings make the command fail."""

    NOTE = Level.NOTE.value
    WARNING = Level.WARNING.value
    ERROR = Level.ERROR.value
    NEVER = "never"


@app.command("lint")
def lint_command(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|DIR...", help="Solidity sources, and directories of such."),
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="RULE", help="Only these rules.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="RULE", help="All rules but these.")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="From which level on findings make the exit code 1.")
    ] = FailOn.WARNING,
    sarif_file: Annotated[
        Path | None,
        typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0 to a file, or to stdout for -."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file of --sarif.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="RULE", help="Say what a rule is about, and end.")
    ] = None,
    spec: Annotated[
        str, typer.Option("--spec", metavar="SPEC", help=f"Whose costs: {', '.join(SPECS)}.")
    ] = Config().chain.spec,
    solc: Solc = None,
    remapping: Remapping = None,
    optimize: Optimize = None,
    runs: Runs = None,
    via_ir: ViaIr = None,
    evm_version: EvmVersion = None,
) -> int:
    """Find what bites on MegaETH in Solidity sources, and what it costs there (docs/lint.md)."""
    env = environment(context)
    if spec not in SPECS:
        raise CliError(f"there are no rules {spec!r}", "", f"one of {', '.join(SPECS)}", ExitStatus.USAGE)
    costs = Costs(spec)
    if explain is not None:
        _explain(env, _rule(explain), costs)
        return ExitStatus.SUCCESS
    if not paths:
        raise CliError("which sources?", "", "megaeth lint FILE|DIR...", ExitStatus.USAGE)
    if sarif_file == _STDOUT and env.json:
        raise CliError("either --json or --sarif -", "both go to stdout", "", ExitStatus.USAGE)
    rules = _chosen(rule, ignore)
    files = [file for text in paths for file in sources((env.cwd / text).resolve(), text)]
    chosen = compiler_options(env, solc, remapping, optimize, runs, via_ir, evm_version)
    report = lint(dict.fromkeys(files), chosen, costs, rules)
    if sarif_file is not None:
        text = json.dumps(sarif(report, rules, env.cwd.resolve()), indent=2)
        if sarif_file == _STDOUT:
            env.write(text)
        else:
            write_new(env, sarif_file, f"{text}\n", force=force)
    if sarif_file != _STDOUT:
        _print(env, report)
    worst = report.worst()
    fails = worst is not None and fail_on is not FailOn.NEVER and worst.rank >= Level(fail_on.value).rank
    return ExitStatus.FAILURE if fails else ExitStatus.SUCCESS


def _chosen(only: list[str] | None, but: list[str] | None) -> list[Rule]:
    wanted = [_rule(name) for name in only] if only else list(RULES.values())
    left_out = [_rule(name) for name in but or ()]
    return [one for one in wanted if one not in left_out]


def _rule(name: str) -> Rule:
    if name not in RULES:
        raise CliError(f"there is no rule {name!r}", "", f"one of {', '.join(RULES)}", ExitStatus.USAGE)
    return RULES[name]


def _explain(env: Environment, rule: Rule, costs: Costs) -> None:
    if env.json:
        env.write(json.dumps(rule_json(rule, costs), indent=2))
        return
    print_wrapped(env, rule_view(rule, costs))


def _print(env: Environment, report: Report) -> None:
    cwd = env.cwd.resolve()
    if env.json:
        env.write(json.dumps(report_json(report, cwd), indent=2))
        return
    if env.quiet:
        for one in report.findings:
            if one.suppressed is None:
                env.write(finding_line(one, cwd))
        return
    if report.worst() is not None:
        print_wrapped(env, findings_view(report, cwd))
        env.write("")
    if report.deployments:
        print_whole(env, deployments_table(report.deployments))
        env.write("")
    env.write(summary(report))
    if report.worst() is not None:
        env.note("megaeth lint --explain RULE says why, and what to do")
