"""The command line, run inside the test process with an environment of its own."""

import io
from dataclasses import dataclass

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

    def call(*arguments, **variables):
        env = Environment(
            io.StringIO(),
            io.StringIO(),
            io.StringIO(),
            {"MEGAETH_HOME": str(tmp_path / "home"), **variables},
            tmp_path,
        )
        code = run(arguments, env)
        printed = capsys.readouterr()  # typer prints help by itself
        return Result(code, env.stdout.getvalue() + printed.out, env.stderr.getvalue() + printed.err)

    return call
