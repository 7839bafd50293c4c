"""`python -m tests.torture.rpc --seconds N`: a sequencer and a full node under hostile clients.

Starts both on free ports in a directory of their own, and lets attackers send what nobody should: mutated requests and
exchanges, tiny frames, endless trailers, floods of connections, work that nobody waits for. Meanwhile honest clients
ask for what they know the answer of, over HTTP and WebSockets; the chain has to go on; and when everybody has left,
memory and descriptors have to come back.

Prints what was done and what was wrong. The same seed makes the same attacks, as far as time allows. Ends with 1 if
anything was wrong, and with 2 if nothing can be said: the nodes did not start, or somebody interrupted it.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
from pathlib import Path

from tests.torture.rpc import session


def main() -> int:
    """Attack, and tell what became of it."""
    description, ends = (__doc__ or "").rsplit("\n\n", 1)
    parser = argparse.ArgumentParser(
        "python -m tests.torture.rpc",
        description=description,
        epilog=ends,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=60.0, metavar="N", help="how long to attack")
    parser.add_argument("--seed", type=int, metavar="S", help="for the same attacks again")
    parser.add_argument("--attackers", type=int, default=2, metavar="N", help="processes that attack")
    parser.add_argument("--json", action="store_true", help="print the result for programs")
    given = parser.parse_args()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    try:
        with tempfile.TemporaryDirectory(prefix="megaeth-torture-") as directory:
            report = session.run(Path(directory), given.seconds, seed, given.attackers)
    except KeyboardInterrupt:
        print("interrupted: nothing can be said", file=sys.stderr)
        return 2
    except (AssertionError, OSError) as error:
        print(f"the nodes did not start or did not stop: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report.to_json(), indent=2) if given.json else report.to_text())
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
