"""`python -m tests.clients`: what real clients can do with a devnet, each in its own way.

Fetches the clients from npm into the user's cache, starts devnets on free ports, lets each client do what its users do
with a local node, and prints a table of what held. What can't hold is listed in the suites, with the reason.

Ends with 1 if something failed that is not listed, or held though it is; with 2 if nothing can be said: a client could
not be fetched or a devnet did not start, or somebody interrupted it.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback

import pytest

from tests.clients import suites
from tests.clients.lab import Lab
from tests.clients.report import Outcome, Report


def main():
    """Run the suites, and tell what held."""
    description, ends = (__doc__ or "").rsplit("\n\n", 1)
    parser = argparse.ArgumentParser(
        "python -m tests.clients",
        description=description,
        epilog=ends,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", action="append", choices=sorted(suites.SUITES), help="this client; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print the result for programs")
    given = parser.parse_args()
    failed = broken = False
    results = {}
    for name in given.only or suites.SUITES:
        began = time.monotonic()
        try:
            checks = run_suite(name)
        except KeyboardInterrupt:
            print("interrupted: nothing can be said", file=sys.stderr)
            return 2
        except (Exception, pytest.skip.Exception):  # fixtures skip where npm is absent
            traceback.print_exc()
            print(f"{name} could not be tried", file=sys.stderr)
            broken = True
            continue
        results[name] = [{"name": one.name, "outcome": one.outcome, "detail": one.detail} for one in checks]
        failed |= any(not one.is_expected for one in checks)
        print_table(name, checks, time.monotonic() - began)
    if given.json:
        print(json.dumps(results, indent=2))
    return 2 if broken else 1 if failed else 0


def run_suite(name):
    """Run one suite in a directory of its own; return its checks."""
    suite = suites.load(name)
    report = Report(suite.KNOWN)
    with tempfile.TemporaryDirectory(prefix="megaeth-clients-") as directory:
        suite.run(Lab(directory), report)
    report.close()
    return report.checks


def print_table(name, checks, took_s):
    """Show a suite's checks on stderr: progress for people."""
    counts = {outcome: sum(one.outcome is outcome for one in checks) for outcome in Outcome}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    print(f"{name}: {suites.load(name).CLIENT}: {told} ({took_s:.0f} s)", file=sys.stderr)
    for one in checks:
        detail = "" if one.outcome is Outcome.OK else f": {one.detail}"
        print(f"  {one.outcome:9} {one.name}{detail}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
