"""What clients did with a devnet, check by check, and what of it was expected."""

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

MAX_ERROR_CHARACTERS = 2000


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    DIFFERS = "differs"
    """It failed, and is listed with the reason."""
    FAILED = "FAILED"
    OUTDATED = "OUTDATED"
    """It is listed, and held."""
    MISSING = "MISSING"
    """It is listed, and was not made."""


@dataclass(frozen=True)
class Check:
    """One of a client's abilities."""

    name: str
    outcome: Outcome
    detail: str = ""

    @property
    def is_expected(self):
        return self.outcome in (Outcome.OK, Outcome.DIFFERS)


class Report:
    """A client's checks, in their order. `known` has those that can't hold, each with the reason."""

    def __init__(self, known=None):
        self.known = known or {}
        self.checks = []

    @contextmanager
    def check(self, name):
        """Note whether what is done inside fails."""
        try:
            yield
        except (Exception, AssertionError) as error:
            self.add(name, f"{type(error).__name__}: {error}")
        else:
            self.add(name)

    def add(self, name, error=None):
        """Note a check that is over; `error` says why it failed."""
        assert name not in {check.name for check in self.checks}, f"two checks are called {name}"
        reason = self.known.get(name)
        if error is None:
            outcome = Outcome.OUTDATED if reason else Outcome.OK
        else:
            outcome = Outcome.DIFFERS if reason else Outcome.FAILED
        self.checks.append(Check(name, outcome, reason or (error or "").strip()[:MAX_ERROR_CHARACTERS]))

    def close(self):
        """Nothing more comes: what is listed and was not made is noted, and so is that nothing was made at all."""
        made = {check.name for check in self.checks}
        self.checks += [
            Check(name, Outcome.MISSING, reason) for name, reason in self.known.items() if name not in made
        ]
        if not self.checks:
            self.checks.append(Check("anything", Outcome.MISSING, "the client told of no check"))

    def unexpected(self):
        """The checks that the lists don't foresee."""
        return [check for check in self.checks if not check.is_expected]


def run_program(command, *, cwd, environment, timeout_s=300.0):
    """Run a client's program; return what it printed. Failure: `AssertionError` with all that it said."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=cwd,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command[0]} ended with {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
    )
    return done.stdout.strip()


def add_lines(report, printed):
    """Note the checks that a script printed, a line of JSON (`{"name", "error"}`) each."""
    for line in printed.splitlines():
        if line.startswith('{"name"'):
            told = json.loads(line)
            report.add(told["name"], told["error"])
