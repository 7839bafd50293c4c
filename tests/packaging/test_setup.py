"""What a fresh clone offers: the two commands of the README, and plain words when a tool is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "scripts" / "check_tools.sh"
NEEDED = ("sh", "sed", "sort", "head", "cut", "printf", "dirname", "env")


@pytest.fixture
def machine(tmp_path):
    """A PATH with only what the test puts there: `machine(python3="3.11.2", node=None)`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name))

    def make(**tools):
        for name, script in tools.items():
            path = programs / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        return programs

    return make


def check(programs, *tools):
    return subprocess.run(
        [str(programs / "sh"), str(TOOLS), *tools],
        capture_output=True,
        text=True,
        env={"PATH": str(programs)},
    )


def rust(version):
    return f"echo 'cargo {version}'"


def test_with_every_tool_there_it_says_nothing(machine):
    programs = machine(python3="exit 0", cargo=rust("1.99.0 (x)"), cc="", node="", npm="", apt_get="")
    done = check(programs, "python", "cargo", "cc", "node")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("python", ("Python 3.11", "apt-get install -y python3")),
        ("cargo", ("cargo", "sh.rustup.rs")),
        ("cc", ("C compiler", "apt-get install -y gcc")),
        ("node", ("npm", "apt-get install -y nodejs npm")),
    ],
)
def test_a_missing_tool_is_named_with_the_command_that_installs_it(machine, tool, words):
    done = check(machine(apt_get=""), tool)
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr


def test_the_advice_fits_the_package_manager(machine):
    assert "dnf install -y gcc" in check(machine(dnf=""), "cc").stderr


def test_all_missing_tools_are_named_at_once(machine):
    done = check(machine(), "python", "cargo", "cc", "node")
    assert done.stderr.count("missing:") == 5  # node and npm are two


def test_a_python_that_is_too_old_is_not_taken_but_a_newer_one_beside_it_is(machine):
    programs = machine(python3="exit 1", python3_12="")
    (programs / "python3-12").rename(programs / "python3.12")
    done = check(programs, "--print-python")
    assert done.stdout.strip() == str(programs / "python3.12")


def test_a_rust_that_is_too_old_is_named_with_its_version(machine):
    done = check(machine(cargo=rust("1.60.0 (x 2022)")), "cargo")
    assert done.returncode == 1
    assert "this is 1.60.0" in done.stderr
    assert "rustup update" in done.stderr


def test_rustup_without_a_toolchain_is_told_apart_from_no_rust(machine):
    assert "rustup default stable" in check(machine(cargo="exit 1"), "cargo").stderr


def test_python_without_venv_is_told_apart_from_no_python(machine):
    script = 'case "$*" in *ensurepip*) exit 1;; *print*) echo 3.11;; esac'
    done = check(machine(python3=script, apt_get=""), "python")
    assert "python3.11-venv" in done.stderr


def targets():
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_readme_opens_with_two_commands_that_exist():
    text = (ROOT / "README.md").read_text()
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]
    commands = re.findall(r"^make ([a-z]+)", block, re.MULTILINE)
    assert commands == ["demo", "test"]
    assert text.index("```sh") < 1200
    assert {"demo", "test", "install", "bench", "lint"} <= targets()


def test_ci_runs_the_same_tests():
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_every_file_that_the_readme_and_the_docs_link_to_exists():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
