"""`python -m tests.conformance.lint`: what `megaeth lint` finds in well-known libraries, beside a list read by eye.

The libraries are fetched from npm and looked at whole, each file with the compiler that its pragma allows. What is
found must be what lint_corpus.json says: by file, rule and level how often. `--write` writes the list anew, to be
read before it is kept.

Ends with 1 if anything differs. Needs node, npm and some minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from megaeth_cli.compile import Options
from megaeth_cli.lint import RULES, Costs, Finding, lint
from megaeth_cli.lint.files import sources
from tests.conformance.projects import OPENZEPPELIN, SOLADY, SOLMATE
from tests.support import npm
from tests.support.cli import compiler_variables

CORPUS = Path(__file__).with_name("lint_corpus.json")
SPEC = "rex6"
LIBRARIES = {OPENZEPPELIN: ".", SOLADY: "src", SOLMATE: "src"}
"""Package -> where its sources lie."""
CHOSEN = [rule for name, rule in RULES.items() if name != "deployment-gas"]
"""How large code is depends on the compiler; all else on the source alone."""

Found = dict[str, dict[str, int]]
"""File -> `level rule` -> how often."""


def found_in(files: Iterable[Path], root: Path) -> Found:
    """What is found in some files of a library."""
    variables = compiler_variables()
    options = Options(Path(variables["MEGAETH_CACHE"]), variables)
    report = lint(files, options, Costs(SPEC), CHOSEN)
    return tally(report.findings, root)


def tally(findings: Iterable[Finding], root: Path) -> Found:
    """Findings by file, level and rule."""
    counts = Counter((str(one.place.path.relative_to(root)), f"{one.level} {one.rule}") for one in findings)
    found: Found = {}
    for (path, what), times in sorted(counts.items()):
        found.setdefault(path, {})[what] = times
    return found


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="Write the list anew.")
    arguments = parser.parse_args()
    found = {}
    for package, inside in LIBRARIES.items():
        root = npm.unpacked(package).resolve()
        files = sources(root / inside, package)
        found[package] = found_in(files, root)
        total = sum(sum(counts.values()) for counts in found[package].values())
        print(f"{package}: {total} findings in {len(found[package])} of {len(files)} files", flush=True)
    if arguments.write:
        CORPUS.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    wanted = json.loads(CORPUS.read_text())
    differing = [
        f"{package} {path}: {found[package].get(path, {})}, the list says {wanted[package].get(path, {})}"
        for package in LIBRARIES
        for path in sorted({*found[package], *wanted[package]})
        if found[package].get(path) != wanted[package].get(path)
    ]
    print("\n".join(differing))
    return int(bool(differing))


if __name__ == "__main__":
    sys.exit(main())
