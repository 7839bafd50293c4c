"""A process that runs the cases of files: `python -m tests.conformance.worker SPEC`.

Native code runs in it, so it may crash or hang; whoever started it knows by what it said last in which case that was.

Reads a line of JSON `{"file", "skip"}` for each file and answers with lines: for each of its cases but the first
`skip` a `{"case": name}` before and a `{"tally"}` after it, and `{"end": true}`.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from devnet.jit.child import Child, Limits
from devnet.jit.worker import allow_seconds
from tests.conformance.state_tests import Inexpressible, cases
from tests.conformance.tally import Tally
from tests.conformance.ways import Ways

CASE_CPU_S = 3600
"""Processor time for a case. The longest take seconds or a few minutes; what takes as long as this does not end."""


def main() -> None:
    """Until standard input ends."""
    spec = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    child = Child(Limits(niceness=0))

    def say(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what) + "\n")

    try:
        ways = Ways(child, spec)
        for line in sys.stdin:
            asked = json.loads(line)
            for case in islice(cases(Path(asked["file"]), spec), asked["skip"], None):
                if isinstance(case, Inexpressible):
                    tally = Tally(left_out=Counter([str(case)]))
                else:
                    say({"case": case.name})
                    allow_seconds(CASE_CPU_S)
                    tally = ways.run(case)
                say({"tally": tally.to_json()})
            say({"end": True})
    finally:
        child.close()


if __name__ == "__main__":
    main()
