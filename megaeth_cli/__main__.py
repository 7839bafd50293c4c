"""The entry point of the `megaeth` command: the real environment goes in, an exit code comes out."""

import sys
from typing import Final

INTERRUPTED: Final = 130
"""What a shell expects of who ends by Ctrl-C (`errors.ExitStatus` is not loaded yet)."""


def main() -> None:
    """Run the command line of this process and exit with its status."""
    try:
        from megaeth_cli.app import run
        from megaeth_cli.env import Environment

        status = run(sys.argv[1:], Environment.of_process())
    except KeyboardInterrupt:  # while modules are loaded, which `run` does not see
        status = INTERRUPTED
    sys.exit(status)


if __name__ == "__main__":
    main()
