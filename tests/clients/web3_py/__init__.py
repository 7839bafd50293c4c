"""web3.py: its own tests of a node (`web3._utils.module_testing`), in each manner of mining.

They are tests of pytest's, which also run among the others, in one manner: `test_modules.py`. What can't hold is listed
in `known.py`, test by test.
"""

import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from tests.clients.report import run_program
from tests.clients.web3_py import known

CLIENT = "web3.py, the release that the toolkit is installed with"
TRIES = (
    "its own tests of a node: `eth`, `net`, `web3`, geth's `debug` and `txpool`, synchronous, asynchronous and over a "
    "WebSocket; subscriptions"
)
KNOWN = {}
LISTED = known.KNOWN
"""What pytest is told to expect, so that the checks here hold."""
ROOT = Path(__file__).parents[3]
MINUTES = 40


def run(lab, report):
    """Make a check of each class of tests in each manner of mining."""
    for mode in known.MODES:
        found = lab.directory / f"{mode}.xml"
        command = (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={found}",
            Path(__file__).parent,
        )
        try:
            run_program(
                command,
                cwd=ROOT,
                environment={**lab.environment, "WEB3_PY_MODES": mode},
                timeout_s=60 * MINUTES,
            )
        except AssertionError as error:
            if not found.exists():
                report.add(f"{mode}: pytest", str(error))
        if found.exists():
            for owner, failures in _failures(found).items():
                report.add(f"{mode}: {owner}", "; ".join(failures) or None)


def _failures(junit):
    """Of each class what failed; those that are listed are skipped to pytest."""
    classes = defaultdict(list)
    for case in ElementTree.parse(junit).iter("testcase"):
        failures = classes[(case.get("classname") or "pytest").rpartition(".")[2]]
        failures += [case.get("name") for kind in ("failure", "error") if case.find(kind) is not None]
    return classes
