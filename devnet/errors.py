"""Errors that a user can cause, in one shape: what happened, why, and what to do next.

Raised anywhere below the command line; rendered and turned into an exit code only by `megaeth_cli.errors`.
Between processes an error travels as a JSON object and keeps its kind. Nothing here prints.
"""

from collections.abc import Mapping


class UserError(Exception):
    """Something outside the program is wrong, and its user can mend it."""

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        return ": ".join(part for part in (self.what, self.why) if part)

    def to_json(self) -> dict[str, str]:
        """For another process; see `user_error`."""
        kind = next(name for name, known in _KINDS.items() if isinstance(self, known))
        return {"kind": kind, "what": self.what, "why": self.why, "hint": self.hint}


class ConfigError(UserError):
    """A setting is unknown, of the wrong type, out of range or contradicts another."""


class NotRunningError(UserError):
    """A command needs a running devnet (or a node at some URL) and none answers."""


class UnavailableError(UserError):
    """The machine refuses: a port in use, a locked or unwritable directory, a process that died."""


_KINDS: Mapping[str, type[UserError]] = {
    "config": ConfigError,
    "not running": NotRunningError,
    "unavailable": UnavailableError,
    "other": UserError,
}


def user_error(fields: Mapping[str, str]) -> UserError:
    """The error that another process has told. Raises KeyError when that is none."""
    return _KINDS.get(fields.get("kind", ""), UnavailableError)(fields["what"], fields["why"], fields["hint"])


def cannot_listen(host: str, port: int, why: str, flag: str = "--port") -> UnavailableError:
    """An address for JSON-RPC that is not to be had."""
    return UnavailableError(
        f"cannot listen on {host}:{port}",
        why,
        f"stop what listens there, or choose another {flag} (0 picks a free one)",
    )
