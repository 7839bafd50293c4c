"""What forge, hardhat ignition and viem built and deployed is known by name after `megaeth import`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from megaeth_cli.compile import npm as compiler_npm
from megaeth_cli.compile import releases
from tests.e2e.conftest import CLIENT_S, CONTRACTS
from tests.integration.contracts.conftest import CommandLine
from tests.support import npm, wallet

HERE = Path(__file__).parent
SENDER = 7
KEY = "0x" + wallet.ACCOUNTS[SENDER].key.hex()
ALICE, BOB = wallet.ACCOUNTS[0].address, wallet.ACCOUNTS[1].address


@pytest.fixture
def cli(megaeth, node):
    """The command line, which knows nothing yet: its home is the test's."""
    return CommandLine(megaeth, node.url)


@pytest.fixture(scope="session")
def forge_project(clients, solc, tmp_path_factory):
    """A project that forge has built."""
    root = tmp_path_factory.mktemp("forge") / "project"
    (root / "src").mkdir(parents=True)
    (root / "script").mkdir()
    shutil.copy(CONTRACTS / "src" / "Token.sol", root / "src")
    shutil.copy(HERE / "projects" / "Parts.sol", root / "src")
    shutil.copy(HERE / "projects" / "Deploy.s.sol", root / "script")
    (root / "foundry.toml").write_text('[profile.default]\nevm_version = "prague"\noptimizer = true\n')
    forge = clients / "node_modules" / "@foundry-rs" / f"forge-{npm.SYSTEM}" / "bin" / "forge"

    def run(command, *arguments):
        common = ("--use", str(solc), "--offline", "--root", str(root))
        command = [str(forge), command, *common, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CLIENT_S, cwd=root, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("build")
    return root, run


@pytest.fixture
def hardhat(tool, cache, solc, node, tmp_path, monkeypatch):
    """A project of hardhat's; runs it."""
    installed = npm.installed("test-hardhat", npm.HARDHAT)
    root = tmp_path / "hardhat"
    (root / "contracts").mkdir(parents=True)
    (root / "ignition" / "modules").mkdir(parents=True)
    shutil.copy(HERE / "projects" / "Parts.sol", root / "contracts")
    shutil.copy(HERE / "projects" / "Tills.js", root / "ignition" / "modules")
    shutil.copy(HERE / "projects" / "hardhat.config.js", root)
    (root / "package.json").write_text("{}")
    (root / "node_modules").symlink_to(installed / "node_modules")
    version = releases.DEFAULT
    for name, value in {
        "SOLJSON": compiler_npm.path_of(cache, version),
        "SOLC_VERSION": version,
        "RPC_URL": node.url,
        "KEY": KEY,
        "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true",
        "HARDHAT_IGNITION_CONFIRM_DEPLOYMENT": "false",
    }.items():
        monkeypatch.setenv(name, str(value))
    program = installed / "node_modules" / ".bin" / "hardhat"
    return root, lambda *arguments: tool(program, *arguments, cwd=root)


def contract(diff, name):
    [found] = [one for one in diff["accounts"] if one["name"] == name]
    variables = {
        one["name"]: (one["before"], one["after"]) for slot in found["storage"] for one in slot["variables"]
    }
    return found, variables


def test_what_forge_deploys_after_an_import_has_its_name_its_events_and_its_variables(
    cli, forge_project, node
):
    root, forge = forge_project
    listed = {one["name"]: one for one in cli.json("import", root / "out")["contracts"]}
    assert listed["Token"]["layout"] and listed["Token"]["lines"] and listed["Token"]["compiler"]
    created = json.loads(
        forge(
            *("create", "src/Token.sol:Token", "--broadcast", "--json"),
            *("--rpc-url", node.url, "--private-key", KEY, "--constructor-args", "Gold", "GLD", "1000"),
        )
    )
    # The block that it is in may not be sealed yet.
    called = cli.json("call", "Token", "symbol")
    assert called["result"] == "GLD" and called["contract"]["knownBy"] == "code"
    receipt = cli.send("Token", "transfer", BOB, "0")
    assert [log["event"] for log in receipt["logs"]] == ["Transfer"]
    deployment = cli.json("inspect-diff", created["transactionHash"])
    found, variables = contract(deployment, "Token")
    assert found["address"] == created["deployedTo"]
    assert variables["symbol"] == ('""', '"GLD"')
    shown = cli("tx", "show", receipt["transactionHash"])
    assert f"Token {found['address']} (by its code)" in shown.out
    assert f"transfer(to: {BOB}, value: 0)" in shown.out


def test_a_scripts_contracts_are_known_by_its_record_and_those_that_they_made_by_their_code(
    cli, forge_project, node
):
    root, forge = forge_project
    # forge simulates upon the newest sealed block, with the nonce of the open one.
    node.sealed(int(node.rpc("eth_blockNumber"), 16) + 1)
    forge(
        *("script", "script/Deploy.s.sol", "--broadcast", "--slow"),
        *("--rpc-url", node.url, "--private-key", KEY, "--sender", wallet.ACCOUNTS[SENDER].address),
    )
    [run] = root.glob("broadcast/Deploy.s.sol/*/run-latest.json")
    transactions = json.loads(run.read_text())["transactions"]
    [address] = [one["contractAddress"] for one in transactions if one["contractName"] == "Till"]
    # Forge deploys and links the library by itself, with an address that nobody here has been told.
    listed = {one["name"]: one for one in cli.json("import", root / "broadcast")["contracts"]}
    assert address.lower() in [one.lower() for one in listed["Till"]["addresses"]]
    assert len(listed["Till"]["addresses"]) >= 2, "the one that TillMaker made is known as well"
    assert cli.call(address, "fee") == "3"
    assert cli.json("call", address, "fee")["contract"]["knownBy"] == "record"
    refused = cli("tx", "send", address, "pay", "1")
    assert "TooLittle(amount: 1, fee: 3)" in refused.err


def test_artifacts_of_forge_are_deployed_with_their_libraries_and_arguments(cli, forge_project):
    root, _ = forge_project
    parts = root / "out" / "Parts.sol"
    missing = cli("deploy", parts / "Till.json", "5")
    assert missing.code == 2 and "Till needs the library Sum" in missing.err
    library = cli.json("deploy", parts / "Sum.json")["address"]
    mistyped = cli("deploy", parts / "Till.json", "5", "--library", f"Smu={library}")
    assert mistyped.code == 2 and "Till links no such library" in mistyped.err
    cli.json("deploy", parts / "Till.json", "5")
    assert cli.call("Till", "fee") == "5"
    _, variables = contract(cli.json("inspect-diff", cli.send("Till", "pay", "9")["transactionHash"]), "Till")
    assert variables == {"total": ("0", "9")}
    cli.json("deploy", parts / "Till.json", "6", "--library", f"src/Parts.sol:Sum={library}")
    assert cli.call("Till", "fee") == "6"


def test_ignitions_deployments_have_their_names_whatever_their_ids(cli, hardhat):
    root, run = hardhat
    run("ignition", "deploy", "ignition/modules/Tills.js", "--network", "devnet")
    [record] = root.glob("ignition/deployments/*/deployed_addresses.json")
    address = json.loads(record.read_text())["Tills#Main"]
    listed = {one["name"]: one for one in cli.json("import", root / "ignition" / "deployments")["contracts"]}
    assert address in listed["Till"]["addresses"] and listed["Till"]["layout"]
    assert cli.json("call", address, "fee")["contract"]["knownBy"] == "record"
    assert cli.call("Till", "fee") == "7"
    _, variables = contract(
        cli.json("inspect-diff", cli.send(address, "pay", "8")["transactionHash"]), "Till"
    )
    assert variables == {"total": ("0", "8")}


def test_what_a_script_in_viem_deploys_is_known_once_the_project_is_imported(
    cli, forge_project, tool, clients, node, tmp_path
):
    root, _ = forge_project
    (tmp_path / "node_modules").symlink_to(clients / "node_modules")
    shutil.copy(HERE / "deploy.viem.mjs", tmp_path)
    built = json.loads((root / "out" / "Token.sol" / "Token.json").read_text())
    arguments = {
        "url": node.url,
        "key": KEY,
        "chainId": wallet.CHAIN_ID,
        "abi": built["abi"],
        "bytecode": built["bytecode"]["object"],
        "args": ["Silver", "SLV", "5"],
    }
    address = tool(shutil.which("node"), tmp_path / "deploy.viem.mjs", json.dumps(arguments))
    before = cli("call", address, "symbol")
    assert before.code == 2 and "megaeth import" in before.err
    listed = {one["name"]: one for one in cli.json("import", root)["contracts"]}
    assert address.lower() in [one.lower() for one in listed["Token"]["addresses"]]
    assert cli.call(address, "symbol") == "SLV"


def test_a_contract_that_was_deployed_from_here_is_known_when_others_deploy_the_same_source(
    cli, forge_project, node
):
    _, forge = forge_project
    cli.deploy("Token", "Bronze", "BRZ", "5")
    created = json.loads(
        forge(
            *(
                "create",
                "src/Token.sol:Token",
                "--broadcast",
                "--json",
            ),
            *("--rpc-url", node.url, "--private-key", KEY, "--constructor-args", "Iron", "IRN", "1"),
        )
    )
    assert cli.json("call", created["deployedTo"], "symbol")["contract"] == {
        "name": "Token",
        "knownBy": "code",
        "sameCode": [],
    }
