"""`python -m tests.conformance --fixtures DIR`: Ethereum's state tests interpreted, natively, and ahead of their turn.

DIR holds GeneralStateTests of ethereum/tests or state tests of ethereum/execution-spec-tests (JSON); they are not part
of this repository. Every transaction is executed in three ways: by the interpreter; with all contracts compiled; and by
the parallel executor, before its turn has come, among others that it meets. All that can be observed must be the same.
Files are taken from all directories by turns, so that a run that ends early has seen something of each.

Prints disagreements as it finds them, and in the end what was run, in which ways, and what was left out and why. Ends
with 1 if there are disagreements, and with 2 if nothing can be said: no case was run, or none natively, or none ahead
of its turn, or somebody interrupted it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import devnet._engine
import devnet.jit
from tests.conformance.crew import Broken, run_files
from tests.conformance.tally import AGREE, UNKNOWN, Tally

PROGRESS_S = 1.0


class Journal:
    """A file that remembers what was done, of this engine, this compiler and this runner: one line per fixture file."""

    def __init__(self, path: Path | None, spec: str) -> None:
        self._path = path
        self._tested = f"{spec} {_digest(*_tested())}"
        self._done: dict[str, Tally] = {}
        for line in path.read_text().splitlines() if path is not None and path.exists() else ():
            said = json.loads(line)
            if said["tested"] == self._tested:
                self._done[said["file"]] = Tally.of_json(said["tally"])

    def find(self, path: Path) -> Tally | None:
        """What a file gave."""
        return self._done.get(_digest(path)) if self._done else None

    def add(self, path: Path, tally: Tally) -> None:
        """Remembers it."""
        if self._path is not None:
            line = {
                "tested": self._tested,
                "file": _digest(path),
                "name": str(path),
                "tally": tally.to_json(),
            }
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")


class Progress:
    """A line on a terminal that is written over."""

    def __init__(self, files: int) -> None:
        self._files = files
        self._next = 0.0

    def show(self, done: int, tally: Tally) -> None:
        """At most once a second."""
        if sys.stderr.isatty() and time.monotonic() >= self._next:
            self._next = time.monotonic() + PROGRESS_S
            print(f"\r{done:,} of {self._files:,} files, {tally.cases:,} cases ", end="", file=sys.stderr)


def main() -> int:
    """Runs all that is asked for."""
    description, ends = (__doc__ or "").rsplit("\n\n", 1)
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description=description,
        epilog=ends,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fixtures", type=Path, required=True, metavar="DIR")
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose path contains this")
    parser.add_argument("--spec", default="equivalence", help="a hard fork (equivalence)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="as many processes")
    parser.add_argument("--seconds", type=float, metavar="N", help="begin no more files after that time")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="keep what is done there, and go on where it ended"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON, with each directory's")
    options = parser.parse_args()
    if not options.fixtures.is_dir():
        parser.error(f"{options.fixtures} is no directory")
    if spec_unknown := _refusal(options.spec):
        parser.error(spec_unknown)
    run = Run(options.fixtures, options.only, Journal(options.journal, options.spec))
    try:
        run.go(options.spec, options.jobs, options.seconds, quiet=options.json)
    except Broken as why:
        print(why, file=sys.stderr)
        return UNKNOWN
    if options.json:
        print(json.dumps({"spec": options.spec, **run.to_json()}))
    else:
        print(run.text())
    return run.exit_code()


class Run:
    """Files, and what they gave."""

    def __init__(self, root: Path, only: str, journal: Journal) -> None:
        self._root = root
        self._journal = journal
        self._files = list(_by_turns(path for path in root.rglob("*.json") if only in str(path)))
        self._total = Tally()
        self._directories: dict[str, Tally] = {}
        self._done: Counter[str] = Counter()
        """Files by directory."""
        self._was_interrupted = False

    def go(self, spec: str, jobs: int, seconds: float | None, *, quiet: bool) -> None:
        """Runs what the journal doesn't know, until the time is over or somebody interrupts it."""
        end = time.monotonic() + (float("inf") if seconds is None else seconds)
        progress = Progress(len(self._files))
        new = []
        for path in self._files:
            known = self._journal.find(path)
            if known is None:
                new.append(path)
            else:
                self._add(path, known, quiet)
        try:
            with closing(run_files(new, spec, jobs)) as running:
                for path, tally in running:
                    self._journal.add(path, tally)
                    self._add(path, tally, quiet)
                    progress.show(self._done.total(), self._total)
                    if time.monotonic() >= end:
                        return
        except KeyboardInterrupt:
            self._was_interrupted = True

    def _add(self, path: Path, tally: Tally, quiet: bool) -> None:
        directory = str(path.parent.relative_to(self._root))
        self._done[directory] += 1
        self._directories.setdefault(directory, Tally()).add(tally)
        self._total.add(tally)
        for found in () if quiet else tally.disagreements:
            print(
                f"{path}: {found['case']}: {found['what']}:\n    {found['one']}\n    {found['other']}",
                flush=True,
            )

    def exit_code(self) -> int:
        """What is to be thought of it."""
        return self._total.exit_code() or (UNKNOWN if self._was_interrupted else AGREE)

    def text(self) -> str:
        """The end of the story for people."""
        return f"{self._done.total():,} of {len(self._files):,} files\n{self._total.text()}"

    def to_json(self) -> dict[str, object]:
        """The same for programs."""
        directories = {
            name: {"files": self._done[name], **tally.to_json()}
            for name, tally in sorted(self._directories.items())
        }
        return {
            "files": self._done.total(),
            "files_left": len(self._files) - self._done.total(),
            "exit_code": self.exit_code(),
            **self._total.to_json(),
            "directories": directories,
        }


def _by_turns(paths: Iterable[Path]) -> Iterator[Path]:
    """One of each directory, then the next of each."""
    behind: Counter[Path] = Counter()
    turns = []
    for path in sorted(paths):
        turns.append((behind[path.parent], path))
        behind[path.parent] += 1
    return (path for _, path in sorted(turns))


def _tested() -> list[Path]:
    """The files that a result depends on."""
    compiler = Path(devnet.jit.__file__).parent.glob("*.py")
    runner = Path(__file__).parent.glob("*.py")
    return [Path(devnet._engine.__file__), *sorted(compiler), *sorted(runner)]


def _digest(*paths: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        digest.update(hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def _refusal(spec: str) -> str:
    try:
        devnet._engine.native_rules(spec)
    except ValueError as why:
        return str(why)
    return ""


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # shells let background jobs ignore Ctrl-C
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
