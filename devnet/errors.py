"""Errors that a user can cause, in one shape: what happened, why, and what to do next.

Raised anywhere below the command line; rendered and turned into an exit code only by `megaeth_cli.errors`.
Nothing here prints.
"""


class UserError(Exception):
    """Something outside the program is wrong, and its user can mend it."""

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why) if part)


class ConfigError(UserError):
    """A setting is unknown, of the wrong type, out of range or contradicts another."""


class NotRunningError(UserError):
    """A command needs a running devnet (or a node at some URL) and none answers."""


class UnavailableError(UserError):
    """The machine refuses: a port in use, a locked or unwritable directory, a process that died."""
