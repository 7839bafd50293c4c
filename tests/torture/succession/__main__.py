"""`python -m tests.torture.succession --rounds N --seed S`: a devnet with standbys whose leaders come to harm.

Starts a supervisor, a sequencer, standbys and a full node, each node with a network stack and candidates with a disk of
their own. Clients send transactions to all of them and keep the receipts they are given. Each round does one bad thing,
which the seed chooses: the leader or another is killed, or stands still and wakes up later; a link is cut, between any
two nodes or to who gives the lease out; a disk is full; or another is promoted. Afterwards every receipt that a client
has must be there with the same fields on all nodes; state, roots and blocks must be the same on all, and those that
follow from what was sent; blocks must be verifiable. It tells how long clients had no receipt.

Ends with 1 if something is wrong, and with 2 if nothing can be said: somebody interrupted it, the devnet did not start,
or this user may not make network and mount namespaces.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from devnet.errors import UserError
from tests.torture.crash import disk
from tests.torture.crash.report import UNKNOWN
from tests.torture.program import add_rounds, parse_rounds, parser_of, run_as_program
from tests.torture.succession.deeds import DEEDS
from tests.torture.succession.devnet import Devnet
from tests.torture.succession.run import Takeovers, deal, run

INSIDE: Final = "MEGAETH_TORTURE_INSIDE"
"""In the environment of a process that has namespaces of its own."""


def main(arguments: list[str] | None = None) -> int:
    """One run."""
    options = _options(arguments)
    if INSIDE not in os.environ:
        _go_inside(sys.argv[1:] if arguments is None else arguments)
    if not disk.own_mounts():
        print(disk.NO_MOUNTS, file=sys.stderr)
        return UNKNOWN
    directory = (options.keep or Path(tempfile.mkdtemp(prefix="megaeth-torture-"))).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    report = Takeovers(options.seed)
    deeds = list(deal(options.seed, options.rounds, options.only))
    try:
        with Devnet(directory, options.standby, options.durable_on) as devnet:
            run(devnet, options.seed, deeds, report, quiet=options.json)
    except (AssertionError, OSError, UserError, subprocess.CalledProcessError) as error:
        print(f"the devnet did not start, or not end: {error}", file=sys.stderr)
        return UNKNOWN
    print(json.dumps(report.to_json()) if options.json else report.text())
    if options.keep is None and not report.faults:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print(f"the nodes' logs are in {directory}", file=sys.stderr)
    return report.exit_code()


def _go_inside(arguments: list[str]) -> None:
    """The same program in a network namespace of its own; returns where there can be none."""
    command = [sys.executable, "-m", "tests.torture.succession", *arguments]
    for prefix in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        if shutil.which(prefix[0]) and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            os.execvpe(prefix[0], [*prefix, *command], {**os.environ, INSIDE: "1"})
    print("this user may not make a network namespace here", file=sys.stderr)
    sys.exit(UNKNOWN)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = parser_of("succession", __doc__)
    add_rounds(parser, "only what has these words in its name")
    parser.add_argument("--standby", type=int, default=2, metavar="N", help="standbys (2)")
    parser.add_argument("--durable-on", type=int, metavar="K", help="disks that count (the default of `up`)")
    return parse_rounds(parser, arguments, deal, DEEDS)


if __name__ == "__main__":
    run_as_program(main)
