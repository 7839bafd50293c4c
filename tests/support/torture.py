"""The programs under `tests/torture`, run as somebody at a terminal runs them."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 1_500.0
"""They take minutes, and longer on a machine that is busy."""


def torture(program, *options):
    """Run `python -m tests.torture.PROGRAM OPTIONS --json`; what it told, and the process that is done."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.torture.{program}", *map(str, options), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done
