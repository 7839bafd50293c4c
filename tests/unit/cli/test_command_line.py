"""The frame around the commands: help, errors, exit codes, `--json`, completion, start-up cost."""

import json
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

import devnet
from devnet.config import known_settings
from devnet.errors import ConfigError, NotRunningError, UnavailableError, UserError
from megaeth_cli import app as program
from megaeth_cli.__main__ import INTERRUPTED, main
from megaeth_cli.app import COMMANDS, LazyCommand, load_command
from megaeth_cli.errors import CliError, ExitStatus, status_of
from megaeth_cli.tracebacks import MAX_KEPT, keep_fault

ROOT = Path(__file__).resolve().parents[3]


def leaves(command):
    if isinstance(command, TyperGroup):
        for child in command.commands.values():
            yield from leaves(child)
    else:
        yield command


def test_without_arguments_it_explains_itself(megaeth):
    result = megaeth()
    assert result.code == ExitStatus.SUCCESS
    for name, command in COMMANDS.items():
        assert name in result.out
        assert command.help in result.out


def test_help_loads_no_command_and_nothing_heavy():
    code = (
        "import sys; from megaeth_cli.app import run; from megaeth_cli.env import Environment;"
        "run(['--help'], Environment.of_process());"
        "loaded = [m for m in sys.modules if m.split('.')[0] in"
        " ('rich', 'web3', 'eth_account', 'click', 'llvmlite', 'plyvel', 'uvloop', 'psutil')"
        " or m.startswith(('megaeth_cli.commands', 'devnet._engine'))];"
        "sys.exit(' '.join(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "devnet" in done.stdout


def test_the_version_is_the_packages(megaeth):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert devnet.__version__ == version
    assert megaeth("--version").out == f"megaeth {version}\n"
    assert json.loads(megaeth("--version", "--json").out) == {"version": version}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads_and_has_help(megaeth, name):
    result = megaeth(name, "--help")
    assert result.code == ExitStatus.SUCCESS
    assert "Usage:" in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_json_verbose_and_quiet(name):
    for command in leaves(load_command(name)):
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--verbose", "--quiet"} <= options
        assert "--install-completion" not in options


@pytest.mark.parametrize("name", COMMANDS)
def test_every_parameter_is_explained(name):
    for command in leaves(load_command(name)):
        assert command.help, command.name
        unexplained = [p.name for p in command.params if not getattr(p, "help", None)]
        assert unexplained == [], command.name


def test_a_typo_gets_a_suggestion(megaeth):
    result = megaeth("devnt")
    assert result.code == ExitStatus.USAGE
    assert "'devnet'" in result.err


def test_an_unknown_option_is_a_usage_error_and_says_where_to_look(megaeth):
    result = megaeth("devnet", "status", "--colour")
    assert result.code == ExitStatus.USAGE
    assert "--colour" in result.err
    assert "megaeth devnet status --help" in result.err


def test_an_error_is_json_when_json_is_asked_for(megaeth):
    for arguments in (["--json", "devnt"], ["rpc", "eth_chainId", "--json"]):
        result = megaeth(*arguments)
        error = json.loads(result.out)["error"]
        assert set(error) == {"what", "why", "hint", "status"}
        assert result.err == ""


def test_an_error_says_what_why_and_what_to_do(megaeth):
    result = megaeth("rpc", "eth_chainId", "--rpc-url", "http://127.0.0.1:1")
    assert result.code == ExitStatus.NOT_RUNNING
    lines = result.err.splitlines()
    assert lines[0].startswith("error: no node answers")
    assert lines[1].strip().startswith("why:")
    assert lines[2].strip().startswith("try:")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UserError("x"), ExitStatus.FAILURE),
        (ConfigError("x"), ExitStatus.CONFIG),
        (NotRunningError("x"), ExitStatus.NOT_RUNNING),
        (UnavailableError("x"), ExitStatus.UNAVAILABLE),
        (CliError("x", status=ExitStatus.COMPILE), ExitStatus.COMPILE),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, status):
    assert status_of(error) is status


@pytest.fixture
def crashing(monkeypatch):
    """A command `crash` that raises what the test wants."""
    module = type(sys)("crashing_command")
    module.app = typer.Typer()
    module.error = RuntimeError("engine on fire")

    @module.app.command()
    def crash() -> None:
        """Fail."""
        raise module.error

    monkeypatch.setitem(sys.modules, "crashing_command", module)
    monkeypatch.setitem(program.COMMANDS, "crash", LazyCommand("crashing_command", "Fail.", "Test"))
    return module


def test_a_fault_of_the_program_shows_no_traceback_but_keeps_it_for_its_user_alone(
    megaeth, crashing, tmp_path
):
    result = megaeth("crash")
    assert result.code == ExitStatus.INTERNAL
    assert "Traceback" not in result.err
    assert "engine on fire" in result.err
    [kept] = (tmp_path / "home").rglob("*.txt")
    assert "Traceback" in kept.read_text()
    assert str(kept) in result.err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_only_the_newest_faults_are_kept(tmp_path):
    for number in range(MAX_KEPT):
        (tmp_path / f"20250101T0000{number:02}-1.txt").touch()
    newest = keep_fault(tmp_path, "Traceback")
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == MAX_KEPT
    assert kept[-1] == newest
    assert kept[0].name == "20250101T000001-1.txt"


def test_a_fault_that_cannot_be_kept_is_still_told_in_one_line(megaeth, crashing, tmp_path):
    (tmp_path / "home").touch()
    result = megaeth("crash")
    assert result.code == ExitStatus.INTERNAL
    assert "engine on fire" in result.err
    assert "-vv" in result.err
    assert "Traceback" not in result.err


def test_ctrl_c_has_its_own_exit_code(megaeth, crashing):
    crashing.error = KeyboardInterrupt()
    assert megaeth("crash").code == ExitStatus.INTERRUPTED


def test_a_reader_that_leaves_the_pipe_is_no_error(megaeth, crashing):
    crashing.error = BrokenPipeError()
    result = megaeth("crash")
    assert result.code == ExitStatus.SUCCESS
    assert result.err == ""


def test_commands_and_subcommands_complete():
    def complete(words):
        done = subprocess.run(
            [sys.executable, "-m", "megaeth_cli"],
            env={
                "_MEGAETH_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split()) - 1),
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        return done.stdout.split()

    assert complete("megaeth dev") == ["devnet"]
    assert complete("megaeth devnet stat") == ["status"]


def test_up_has_a_flag_for_every_setting(megaeth):
    text = megaeth("devnet", "up", "--help").out
    for setting in known_settings():
        names = filter(None, (setting.about.flag, setting.about.alias))
        assert f"{', '.join(names)} " in text


def test_the_reference_pages_are_what_the_program_says():
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_an_interrupt_while_modules_are_loaded_is_no_traceback(monkeypatch):
    def interrupted(arguments, env):
        raise KeyboardInterrupt

    monkeypatch.setattr("megaeth_cli.app.run", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == ExitStatus.INTERRUPTED == INTERRUPTED
