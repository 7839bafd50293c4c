"""What can go wrong between a source file and its bytecode, as errors a user can act on."""

from megaeth_cli.errors import CliError, ExitStatus


class CompileError(CliError):
    """A source is missing or does not compile, or no compiler can be had."""

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what, why, hint, ExitStatus.COMPILE)
