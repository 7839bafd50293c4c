"""Help pages: plain sections with bold headings, named like the panels of the options.

typer's own pages import rich's Markdown and traceback machinery, which costs more time than all the rest of
`megaeth --help`. These need nothing but typer. Colours vanish when the output is no terminal.
"""

from functools import partial
from typing import TYPE_CHECKING

import typer
from typer.core import TyperArgument, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter

ARGUMENTS = "Arguments"
OPTIONS = "Options"
COMMON = "Common options"
COMMANDS = "Commands"
COLUMN = 34


def adopt(command: "Command") -> None:
    """Make a command show its help this way."""
    # typer instantiates its own command classes, so the page is attached to the object.
    setattr(command, "format_help", partial(_page, command))  # noqa: B010


def _page(command: "Command", ctx: "Context", formatter: "HelpFormatter") -> None:
    command.format_help_text(ctx, formatter)
    formatter.write_paragraph()
    usage = " ".join(command.collect_usage_pieces(ctx))
    formatter.write(f"{_bold('Usage:')} {ctx.command_path} {usage}\n")
    for title, rows in (*_commands(command, ctx), *_parameters(command, ctx)):
        formatter.write_paragraph()
        formatter.write(f"{_bold(title)}\n")
        formatter.indent()
        formatter.write_dl(rows, col_max=COLUMN)
        formatter.dedent()
    command.format_epilog(ctx, formatter)


def _bold(text: str) -> str:
    return typer.style(text, bold=True)


def _parameters(command: "Command", ctx: "Context") -> list[tuple[str, list[tuple[str, str]]]]:
    """Sections in the order of first appearance; arguments first, common options last."""
    sections: dict[str, list[tuple[str, str]]] = {ARGUMENTS: [], OPTIONS: []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        panel = getattr(parameter, "rich_help_panel", None)
        default = ARGUMENTS if isinstance(parameter, TyperArgument) else OPTIONS
        if parameter.name == "help":
            panel = COMMON
        sections.setdefault(panel or default, []).append(record)
    common = sections.pop(COMMON, [])
    return [(title, rows) for title, rows in (*sections.items(), (COMMON, common)) if rows]


def _commands(command: "Command", ctx: "Context") -> list[tuple[str, list[tuple[str, str]]]]:
    if not isinstance(command, TyperGroup):
        return []
    sections: dict[str, list[tuple[str, str]]] = {}
    for name in command.list_commands(ctx):
        child = command.get_command(ctx, name)
        if child is not None and not child.hidden:
            panel = getattr(child, "rich_help_panel", None) or COMMANDS
            sections.setdefault(panel, []).append((name, child.get_short_help_str(100)))
    return list(sections.items())
