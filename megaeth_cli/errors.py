"""The error boundary: every exception of a command becomes a message and an exit code here, and nowhere else.

A message says what happened, why, and what to do next. Nothing a user can cause shows a traceback; a fault of
the program itself is one line plus the path of a file that holds the traceback (`-vv` prints it as well).
"""

import enum
import json
import traceback

from devnet.errors import ConfigError, NotRunningError, UnavailableError, UserError
from megaeth_cli.env import Environment
from megaeth_cli.tracebacks import keep_fault
from megaeth_cli.visible import one_line


class ExitStatus(enum.IntEnum):
    """Exit codes of every command, documented in docs/cli.md."""

    SUCCESS = 0
    FAILURE = 1
    """A check failed, a transaction reverted, or the request cannot be satisfied."""
    USAGE = 2
    """The command line is wrong: unknown command, option or argument."""
    CONFIG = 3
    """A setting in the configuration file, the environment or a flag is wrong."""
    NOT_RUNNING = 4
    """No devnet or node answers."""
    UNAVAILABLE = 5
    """The machine refuses: port in use, data directory locked or unwritable, a process that died."""
    RPC = 6
    """The node answered with a JSON-RPC error."""
    COMPILE = 7
    """The source does not compile, or no compiler was found."""
    INTERNAL = 70
    """A fault in this program."""
    INTERRUPTED = 130
    """Ctrl-C."""


class CliError(UserError):
    """An error of a command, with its exit code."""

    def __init__(
        self, what: str, why: str = "", hint: str = "", status: ExitStatus = ExitStatus.FAILURE
    ) -> None:
        super().__init__(what, why, hint)
        self.status = status


_STATUS_BY_TYPE: tuple[tuple[type[UserError], ExitStatus], ...] = (
    (ConfigError, ExitStatus.CONFIG),
    (NotRunningError, ExitStatus.NOT_RUNNING),
    (UnavailableError, ExitStatus.UNAVAILABLE),
)


def status_of(error: UserError) -> ExitStatus:
    """The exit code that belongs to an error."""
    if isinstance(error, CliError):
        return error.status
    for kind, status in _STATUS_BY_TYPE:
        if isinstance(error, kind):
            return status
    return ExitStatus.FAILURE


def report(env: Environment, error: UserError) -> ExitStatus:
    """Show an error (on stderr; with `--json` as an object on stdout) and say which exit code it has."""
    status = status_of(error)
    if env.json:
        body = {"what": error.what, "why": error.why, "hint": error.hint, "status": status.name.lower()}
        env.write(json.dumps({"error": body}))
        return status
    env.complain(one_line(error.what), "error:", "bold red")
    for label, text in (("why", error.why), ("try", error.hint)):
        for number, line in enumerate(text.splitlines()):
            lead = f"{label}:" if number == 0 else ""
            env.complain(line, f"  {lead:<4}", "dim")
    return status


def report_fault(env: Environment, error: BaseException) -> ExitStatus:
    """Say that this program failed, and keep the traceback where a bug report can find it."""
    trace = "".join(traceback.format_exception(error))
    try:
        hint = f"report it with {keep_fault(env.paths.faults, trace)}"
    except OSError as failed:
        hint = f"run it again with -vv, and report what that shows (it can't be kept: {failed})"
    if env.verbosity >= 2:
        env.complain(trace.rstrip())
    return report(
        env,
        CliError(
            "this is a fault in megaeth, not in what you typed",
            f"{type(error).__name__}: {error}",
            hint,
            ExitStatus.INTERNAL,
        ),
    )
