"""The Dockerfile without a container engine: what it says, and what its commands do on this machine.

The wheel is built and installed with the Dockerfile's own commands, into a virtual environment that sees neither the
source tree nor the development install. Three things differ: no build isolation and no download of dependencies, so
that cargo and pip reuse what is here, and the engine itself is optimised less, as how fast it runs is not asked.
"""

import fnmatch
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devnet import __version__

ROOT = Path(__file__).resolve().parents[2]
QUICKLY_BUILT = "--config profile.release.package.megaeth-engine.opt-level=1"
COMPILERS = ("gcc", "g++", "cc", "clang", "make", "cargo", "rustc", "rustup", "build-essential")


@dataclass
class Stage:
    """One FROM and what follows."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction):
        return [text for name, text in self.instructions if name == instruction]

    def last(self, instruction):
        return self.all(instruction)[-1]


@pytest.fixture(scope="module")
def stages():
    found = []
    arguments = {}
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, rest = line.split(maxsplit=1)
        for key, value in arguments.items():
            rest = rest.replace("${" + key + "}", value)
        if name == "ARG":
            key, value = rest.split("=")
            arguments[key] = value
        if name == "FROM":
            base, *alias = rest.split()
            found.append(Stage(base, alias[1] if alias else ""))
        elif found:
            found[-1].instructions.append((name, rest))
    return found


@pytest.fixture(scope="module")
def build(stages):
    return stages[0]


@pytest.fixture(scope="module")
def final(stages):
    return stages[-1]


def sent_to_the_builder(path):
    """Whether .dockerignore lets a path through."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        rule = line.strip()
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!")
        parts = [str(path), *map(str, Path(path).parents)][:-1]
        if any(fnmatch.fnmatch(part, pattern.removeprefix("**/")) for part in (*parts, Path(path).name)):
            sent = rule.startswith("!")
    return sent


def tracked(*paths):
    done = subprocess.run(["git", "ls-files", *paths], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.split()


def test_it_is_built_in_stages_and_the_last_one_has_no_compilers(stages, final):
    assert len(stages) > 1
    assert "slim" in final.base
    words = {word for text in final.all("RUN") for word in re.split(r"[\s/=:]+", text)}
    assert not words & set(COMPILERS)
    assert "apt-get" not in words


def test_it_runs_as_a_user_without_rights(final):
    user = final.last("USER")
    assert user not in ("root", "0")
    assert any(f"useradd --create-home --uid 10001 {user}" in text for text in final.all("RUN"))
    names = [name for name, _ in final.instructions]
    assert "RUN" not in names[names.index("USER") :]


def test_its_entry_point_is_megaeth(final):
    assert json.loads(final.last("ENTRYPOINT")) == ["megaeth"]


def test_the_toolchain_is_new_enough_for_the_engine(build):
    wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    [install] = [text for text in build.all("RUN") if "rustup" in text]
    [given] = re.findall(r"--default-toolchain ([\d.]+)", install)
    assert [int(part) for part in given.split(".")][:2] >= [int(part) for part in wanted.split(".")][:2]


def test_the_interpreter_is_one_the_package_supports(stages):
    for stage in stages:
        [version] = re.findall(r"python:(\d+\.\d+)-", stage.base)
        assert tuple(map(int, version.split("."))) >= (3, 11)


def test_everything_that_is_copied_exists_and_is_sent_to_the_builder(build, final):
    for text in (*build.all("COPY"), *(text for text in final.all("COPY") if not text.startswith("--from"))):
        *sources, _ = text.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert sent_to_the_builder(source), source


def test_everything_that_the_build_reads_is_copied(build):
    copied = {source for text in build.all("COPY") for source in text.split()[:-1]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {"pyproject.toml", "Cargo.toml", "Cargo.lock", project["project"]["readme"]}
    needed |= set(tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"])
    needed |= set(project["tool"]["maturin"]["python-packages"])
    missing = [path for path in needed if not any(Path(path).is_relative_to(source) for source in copied)]
    assert missing == []
    for file in tracked(*copied):
        assert sent_to_the_builder(file), file


def test_nothing_else_is_sent():
    for file in (
        ".git/config",
        "tests/conftest.py",
        ".venv/bin/python",
        "devnet/_engine.abi3.so",
        "target/x",
    ):
        assert not sent_to_the_builder(file), file


@pytest.fixture(scope="module")
def wheel(build, tmp_path_factory):
    """The wheel, by the Dockerfile's own command."""
    wheels = tmp_path_factory.mktemp("wheels")
    [command] = [text for text in build.all("RUN") if text.startswith("pip wheel")]
    words = shlex.split(command.replace("/wheels", str(wheels)))
    # maturin stands beside this interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", *words, "--no-build-isolation"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "MATURIN_PEP517_ARGS": QUICKLY_BUILT},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    [built] = wheels.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(build, wheel, tmp_path_factory):
    """`bin` of the virtual environment that the Dockerfile makes."""
    root = tmp_path_factory.mktemp("opt") / "megaeth"
    [command] = [text for text in build.all("RUN") if "venv" in text]
    line = command.replace("/opt/megaeth", str(root)).replace("/wheels/*.whl", str(wheel))
    create, install = (shlex.split(part) for part in line.split(" && "))
    subprocess.run([sys.executable, *create[1:]], check=True, cwd=root.parent)
    subprocess.run([*install, "--no-deps", "--quiet"], check=True, cwd=root.parent)
    # The dependencies are those of this environment.
    [site] = root.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return root / "bin"


@pytest.fixture
def container(installed, tmp_path):
    """Run a command line as the container would."""

    def run(*words, **variables):
        environment = {
            "PATH": f"{installed}:/usr/bin:/bin",
            "MEGAETH_HOME": str(tmp_path / "data"),
            **variables,
        }
        environment["HOME"] = str(tmp_path)
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)

    return run


def test_the_wheel_holds_all_that_is_tracked_and_one_abi3_module(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(archive.read(name).decode() for name in names if name.endswith("METADATA"))
    assert set(tracked("devnet", "megaeth_cli")) <= set(names)
    assert [name for name in names if name.endswith(".so")] == ["devnet/_engine.abi3.so"]
    assert "-cp311-abi3-" in wheel.name
    assert not any(name.startswith(("tests/", "bench/", "engine/")) for name in names)
    assert "License-Expression: MIT OR Apache-2.0" in metadata


def test_every_dependency_is_bounded_above():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    for requirement in [*project["dependencies"], *(entry for extra in extras for entry in extra)]:
        assert re.search(r">=[\d.]+,<\d", requirement), requirement


def test_the_installed_program_runs_without_the_source_tree(container):
    done = container("megaeth", "--version")
    assert done.stdout == f"megaeth {__version__}\n"
    assert container("python", "-c", "import devnet._engine").returncode == 0


def test_the_installed_engine_has_no_rigs(container):
    names = container("python", "-c", "import devnet._engine; print(*dir(devnet._engine))").stdout.split()
    assert "Engine" in names
    assert not [name for name in names if name.startswith(("measure_", "run_"))]


def test_the_container_starts_is_healthy_and_stops(container, final):
    entry = json.loads(final.last("ENTRYPOINT"))
    command = json.loads(final.last("CMD"))
    [check] = re.findall(r"CMD (\[.*\])", final.last("HEALTHCHECK"))
    copied = dict(reversed(text.split()) for text in final.all("COPY") if not text.startswith("--from"))
    healthy = [str(ROOT / copied[word]) if word in copied else word for word in json.loads(check)]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = {"MEGAETH_PORT": str(probe.getsockname()[1])}
    assert container(*healthy, **port).returncode != 0
    started = container(*entry, *command, "--detach", **port)
    try:
        assert started.returncode == 0, started.stderr
        assert container(*healthy, **port).returncode == 0
    finally:
        container(*entry, "devnet", "down")
    assert container(*healthy, **port).returncode != 0


def test_other_containers_reach_it_by_its_name(final):
    [environment] = final.all("ENV")
    assert re.search(r"MEGAETH_ALLOW_HOST=(\S+,)?megaeth(,|$)", environment)


def test_the_environment_of_the_final_stage_finds_the_program(final):
    [environment] = final.all("ENV")
    assert "/opt/megaeth/bin" in environment
    assert "MEGAETH_HOME=/data" in environment
    assert any(text.startswith("--from=build /opt/megaeth ") for text in final.all("COPY"))
    assert os.path.normpath("/data") in final.last("VOLUME")
