"""The entry point of the `megaeth` command: the real environment goes in, an exit code comes out."""

import sys


def main() -> None:
    """Run the command line of this process and exit with its status."""
    from megaeth_cli.app import run
    from megaeth_cli.env import Environment

    sys.exit(run(sys.argv[1:], Environment.of_process()))


if __name__ == "__main__":
    main()
