"""`python -m tests.torture.crash --rounds N --seed S`: a network whose processes, disks and files come to harm.

Starts a sequencer, a full node and a prover on this machine. Clients send transactions and keep the receipts they are
given. Each round does one bad thing, which the seed chooses: a process is killed at a random moment, or before, amid
or after a write; a disk is full or read-only; descriptors or memory run out; a file is cut, removed, or a bit of it
flips; a clock is wrong. Afterwards nodes must start again or refuse with a clear sentence; every receipt that a client
has must be there with the same fields; state, roots and blocks must be the same on both nodes, and those that follow
from what was sent; blocks must be verifiable.

Ends with 1 if something is wrong, and with 2 if nothing can be said: somebody interrupted it, or the nodes did not
start.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.torture.crash import disk
from tests.torture.crash.deeds import DEEDS, FAMILIES
from tests.torture.crash.report import UNKNOWN, Report
from tests.torture.crash.run import deal, run
from tests.torture.program import add_rounds, parse_rounds, parser_of, run_as_program


def main(arguments: list[str] | None = None) -> int:
    """One run."""
    options = _options(arguments)
    directory = options.keep or Path(tempfile.mkdtemp(prefix="megaeth-torture-"))
    report = Report(options.seed)
    deeds = list(deal(options.seed, options.rounds, options.only))
    try:
        run(
            *(directory.resolve(), options.seed, deeds, report),
            may_mount=disk.own_mounts(),
            quiet=options.json,
        )
    except (AssertionError, OSError) as error:
        print(f"the nodes did not start: {error}", file=sys.stderr)
        return UNKNOWN
    print(json.dumps(report.to_json()) if options.json else report.text())
    if options.keep is None and not report.faults:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print(f"the nodes' data and logs are in {directory}", file=sys.stderr)
    return report.exit_code()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = parser_of("crash", __doc__)
    kinds = ", ".join(sorted(set(FAMILIES.values())))
    add_rounds(parser, f"only what has these words in its name, or a family: {kinds}")
    return parse_rounds(parser, arguments, deal, DEEDS)


if __name__ == "__main__":
    run_as_program(main)
