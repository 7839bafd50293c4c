"""Processes that run the cases of files, as their parent sees them: what each file gave, and in which case one died.

One thread for each process. A process that dies is replaced, and the file goes on with the case after that. Its death
is a disagreement: no transaction may be able to do that.
"""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Final

from tests.conformance.tally import Tally

COMMAND: Final = (sys.executable, "-m", "tests.conformance.worker")
"""What a process is. The spec comes behind it."""


class Broken(Exception):
    """A process can't even start to run a case."""


def run_files(files: Iterable[Path], spec: str, jobs: int) -> Generator[tuple[Path, Tally], None, None]:
    """Each file and what it gave, as they get done. Closing it stops the processes."""
    workers = [Worker(spec) for _ in range(jobs)]
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def run(path: Path) -> Tally:
        worker = idle.get()
        try:
            return worker.run(path)
        finally:
            idle.put(worker)

    try:
        with ThreadPoolExecutor(jobs) as threads:
            try:
                running = {threads.submit(run, path): path for path in files}
                for done in as_completed(running):
                    yield running[done], done.result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
                for worker in workers:
                    worker.stop()
    finally:
        for worker in workers:
            worker.reap()


class Worker:
    """A process, started when needed. One thread at a time, but any may stop it."""

    def __init__(self, spec: str) -> None:
        self._spec = spec
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def run(self, path: Path) -> Tally:
        """All cases of a file."""
        told = Tally()
        past = 0
        while True:
            process = self._running()
            case = None
            for answer in _answers(process, {"file": str(path), "skip": past}):
                if "case" in answer:
                    case = answer["case"]
                elif "tally" in answer:
                    told.add(Tally.of_json(answer["tally"]))
                    past, case = past + 1, None
                else:
                    return told
            ending = self.reap()
            if case is None:
                raise Broken(f"{path}: the process that was to run its cases ended with {ending}")
            what = f"the process that ran it ended with {ending}"
            told.add(Tally(cases=1, disagreements=[{"case": case, "what": what, "one": "", "other": ""}]))
            past += 1

    def stop(self) -> None:
        """For good; what it is running is given up."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()

    def reap(self) -> str:
        """Waits for its process, which has ended or was stopped; how it ended."""
        process, self._process = self._process, None
        if process is None:
            return ""
        assert process.stdin is not None and process.stdout is not None
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        status = process.wait()
        return signal.Signals(-status).name if status < 0 else f"status {status}"

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                (*COMMAND, self._spec),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C is for the parent, which stops it
            )
        if self._stopped:
            self._process.kill()
        return self._process


def _answers(process: subprocess.Popen[str], asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What it says until it ends, or is asked no more."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        for line in process.stdout:
            yield json.loads(line)
    except (OSError, ValueError):
        # It ended within a line.
        return
