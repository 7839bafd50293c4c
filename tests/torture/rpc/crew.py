"""The attackers' processes: each makes one attack after the other until its time is over."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.torture.rpc.attacks import ATTACKS, Attacker
from tests.torture.rpc.report import Report

ROOT = Path(__file__).parents[3]
ENDING_S = 90.0
"""For the last attack: an attacker waits for an answer for less than this."""


class Crew:
    """Attackers at work. Use with `with`: nobody is left behind."""

    def __init__(self, attackers: int, seconds: float, seed: int, ports: tuple[int, ...]) -> None:
        self._seed = seed
        self._ends = time.monotonic() + seconds + ENDING_S
        arguments = [str(seconds), *map(str, ports)]
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", __spec__.name, str(seed + number), *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(attackers)
        ]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def finish(self) -> Report:
        """What all of them did and saw."""
        whole = Report(self._seed)
        for process in self._processes:
            try:
                told = json.loads(process.communicate(timeout=self._ends - time.monotonic())[0])
            except (subprocess.TimeoutExpired, ValueError):
                whole.fault("attacker", f"an attacker came to no end (exit code {process.poll()})")
                continue
            whole.add(Report(self._seed, Counter(told["counts"]), Counter(told["faults"]), told["examples"]))
        return whole


def attack(seed: int, seconds: float, ports: tuple[int, ...]) -> Report:
    """Make attacks until the time is over."""
    report = Report(seed)
    attacker = Attacker(random.Random(seed), ports, report)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = attacker.random.choice(list(ATTACKS))
        with contextlib.suppress(OSError, EOFError):  # hung up on, or turned away
            ATTACKS[name](attacker)
    return report


if __name__ == "__main__":
    found = attack(int(sys.argv[1]), float(sys.argv[2]), tuple(map(int, sys.argv[3:])))
    print(json.dumps(found.to_json()))
