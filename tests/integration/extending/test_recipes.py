"""docs/extending.md: each recipe, applied to a copy of the packages, does what it says."""

import os
import subprocess
import sys

import pytest

from devnet.session import health
from tests.support.home import Home
from tests.support.recipes import PAGE, ROOT, StaleRecipeError, apply, copy_of_packages, patched, recipes
from tests.support.waiting import eventually

RECIPES = recipes(PAGE.read_text())


@pytest.fixture
def extended(tmp_path):
    """Applies a recipe; a user's machine on which what it makes is installed."""
    homes = []

    def extend(recipe):
        packages = tmp_path / "packages"
        copy_of_packages(packages)
        changed = apply(RECIPES[recipe], packages)
        assert changed
        well_written(changed)
        home = Home(tmp_path / "user")
        home.path.mkdir()
        home.variables["PYTHONPATH"] = os.pathsep.join([str(packages), home.variables["PYTHONPATH"]])
        homes.append(home)
        return home

    yield extend
    for home in homes:
        home.__exit__()


def well_written(paths):
    for arguments in (("check", "--quiet"), ("format", "--check", "--quiet")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--config", ROOT / "pyproject.toml", *paths],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_setting_is_in_the_help_and_in_the_file_and_reaches_the_chain(extended):
    home = extended("A setting")

    assert "--first-nonce" in home.run("devnet", "up", "--help").stdout
    assert home.run("devnet", "init", "--first-nonce", 7).returncode == 0
    assert "first_nonce = 7" in (home.path / "devnet.toml").read_text()
    refused = home.run("devnet", "up", "--detach", "--first-nonce", -1)
    assert refused.returncode == 3
    assert "--first-nonce" in refused.stderr

    home.up()  # with the file that `init` wrote
    assert {account["nonce"] for account in home.json("accounts")} == {7}
    home.run("devnet", "down")
    other = home.run("devnet", "up", "--detach", "--port", 0, "--first-nonce", 8)
    assert other.returncode == 5
    assert "holds another chain" in other.stderr


def test_a_command_runs_and_is_in_the_help(extended):
    home = extended("A command")
    home.up("--ephemeral", "--base-fee", 5)

    assert "Show what gas costs." in home.run("--help").stdout
    assert home.run("gas").stdout == "5 wei\n"
    assert home.json("gas") == {"priceWei": "5"}
    nobody = home.run("gas", "--rpc-url", "http://127.0.0.1:1")
    assert nobody.returncode == 4


def test_a_method_answers_over_http_and_refuses_what_it_cannot_take(extended):
    home = extended("An RPC method")
    home.up("--ephemeral")

    signature = "0x" + b"transfer(address,uint256)".hex()
    assert home.json("rpc", "web3_selector", signature) == "0xa9059cbb"
    refused = home.run("rpc", "web3_selector")
    assert refused.returncode == 6
    assert "-32602" in refused.stderr


def test_a_role_starts_tells_its_height_and_is_started_again_when_it_dies(extended):
    home = extended("A role")
    home.up("--ephemeral", "--watchers", 1)

    def watcher():
        return next(node for node in home.json("devnet", "status")["nodes"] if node["name"] == "watcher-1")

    first = watcher()
    assert first["state"] == "running"
    eventually(lambda: health(first["endpoints"]["http"])["height"] >= 1, "a block")
    os.kill(first["pid"], 9)
    eventually(lambda: watcher()["alive"] and watcher()["pid"] != first["pid"], "a new watcher")
    assert home.run("devnet", "stop", "watcher-1").returncode == 0
    assert watcher()["state"] == "stopped"


def test_every_recipe_is_tried():
    assert set(RECIPES) == {"A setting", "A command", "An RPC method", "A role"}


def test_a_recipe_that_does_not_fit_any_more_is_noticed():
    assert patched("a\nb\n", " a\n+c\n", "") == "a\nc\nb\n"
    for text in ("b\n", "a\na\n"):
        with pytest.raises(StaleRecipeError, match="times"):
            patched(text, " a\n+c\n", "")
