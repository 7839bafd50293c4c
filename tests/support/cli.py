"""The command line, run inside the test process with an environment of its own."""

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from megaeth_cli.app import run
from megaeth_cli.env import Environment


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def megaeth(tmp_path, capsys):
    """Run `megaeth ARGUMENTS`; its home and working directory are the test's."""

    def call(*arguments, cwd=tmp_path, **variables):
        env = Environment(
            io.StringIO(),
            io.StringIO(),
            io.StringIO(),
            {"MEGAETH_HOME": str(tmp_path / "home"), **variables},
            Path(cwd),
        )
        code = run([str(argument) for argument in arguments], env)
        printed = capsys.readouterr()  # typer prints help by itself
        return Result(code, env.stdout.getvalue() + printed.out, env.stderr.getvalue() + printed.err)

    return call


def compiler_variables():
    """What commands need to find or fetch a compiler: tools on PATH, and the cache that all tests share.

    Vyper stands beside the interpreter that runs the tests.
    """
    path = os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent)))
    cache = os.environ.get("MEGAETH_CACHE") or str(Path.home() / ".cache" / "megaeth")
    return {"PATH": path, "HOME": str(Path.home()), "MEGAETH_CACHE": cache}
