"""`python -m tests.conformance.chain --fixtures DIR`: blocks of the real chain, executed again by the one replay.

DIR holds what others have recorded of MegaETH's chains; none of it is part of this repository (docs/conformance.md
tells where it lies). Blocks with a witness are checked as `megaeth verify block` does it, state roots and all. Blocks
with a prestate, or with a capture of a node's answers, are executed, and everything is compared that receipts and
headers say of execution: type, status, gas used, cumulative gas used, logs and bloom of each transaction, gas used,
receipts root and bloom of the block. Of a capture that has only the first transactions of its block, these are
compared.

Prints each disagreement as it finds it, and in the end what was run under which hardfork, and what was left out and
why. Ends with 1 if there are disagreements, and with 2 if nothing was run.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.conformance.chain.recordings import outcomes
from tests.conformance.chain.table import Table


def main() -> int:
    """Runs all that lies there."""
    description, ends = (__doc__ or "").rsplit("\n\n", 1)
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.chain",
        description=description,
        epilog=ends,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fixtures", type=Path, required=True, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    if not options.fixtures.is_dir():
        parser.error(f"{options.fixtures} is no directory")
    table = Table()
    for outcome in outcomes(options.fixtures):
        table.add(outcome)
        if outcome.difference is not None:
            print(
                f"{outcome.name}, block {outcome.number:,}: {outcome.difference}", file=sys.stderr, flush=True
            )
    print(json.dumps(table.to_json()) if options.json else table.text())
    return table.exit_code()


if __name__ == "__main__":
    sys.exit(main())
