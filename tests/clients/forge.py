"""forge: scripts that broadcast, and go on where they were stopped; creations; tests on a fork of the devnet."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

from tests.clients.lab import TOKEN, foundry
from tests.clients.report import run_program
from tests.support import npm, wallet
from tests.support.waiting import eventually

CLIENT = f"forge {npm.CLIENTS[npm.FORGE]}"
TRIES = "`script --broadcast`, `--resume`, `create`, `test --fork-url` with the cheatcodes that use a fork"
KNOWN = {}
PROJECT = Path(__file__).parent / "projects" / "forge"
KEY = "0x" + wallet.ACCOUNTS[8].key.hex()
TO = wallet.address(5)
RECORD = "broadcast/Many.s.sol/*/run-latest.json"
SECRETS = "cache/Many.s.sol/*/run-latest.json"
"""What it keeps apart of a record, and writes after it."""
TRANSACTIONS = 10
"""Of the script."""
OLD_BLOCKS = 30
"""How many more there are on top of what is forked."""


def run(lab, report):
    """Make all checks."""
    project = lab.workspace("forge-project")
    shutil.copytree(PROJECT, project, dirs_exist_ok=True)
    shutil.copy(TOKEN, project / "src")
    with lab.devnet("forge", blocks__automine=True) as node:
        forge = Forge(lab, project, node)
        with report.check("build"):
            forge.run("build")
        with report.check("create"):
            forge.create()
        with report.check("script --broadcast"):
            forge.script("--broadcast")
            forge.assert_all_sent()
        with report.check("script --broadcast --slow, stopped, and --resume"):
            forge.script_that_is_stopped()
            forge.script("--broadcast", "--resume")
            forge.assert_all_sent()
        with report.check("script without --broadcast sends nothing"):
            before = wallet.nonce(node, 8)
            forge.script()
            assert wallet.nonce(node, 8) == before
        for name, error in forge.fork_tests().items():
            report.add(f"test --fork-url: {name}", error)


class Forge:
    """forge in a project, on a devnet."""

    def __init__(self, lab, project, node):
        self.project, self.node = project, node
        self.environment = {**lab.environment, "FOUNDRY_ETH_RPC_URL": node.url, "HOME": str(lab.directory)}
        self.common = ("--use", lab.solc(), "--offline", "--root", project)

    def run(self, command, *arguments, **variables):
        """Run one of forge's commands; what it printed."""
        command = (foundry("forge"), command, *self.common, *arguments)
        return run_program(command, cwd=self.project, environment={**self.environment, **variables})

    def create(self):
        """Deploy the Token."""
        made = json.loads(
            self.run(
                *("create", "src/Token.sol:Token", "--broadcast", "--json", "--rpc-url", self.node.url),
                *("--private-key", KEY, "--constructor-args", "MegaCoin", "MEGA", "1000"),
            )
        )
        assert len(self.node.rpc("eth_getCode", made["deployedTo"], "latest")) > 2

    def _script(self, *flags):
        return (
            *("script", "script/Many.s.sol", "--rpc-url", self.node.url, "--private-key", KEY),
            *("--sender", wallet.ACCOUNTS[8].address, *flags),
        )

    def script(self, *flags):
        """Run the script to its end."""
        return self.run(*self._script(*flags))

    def _record(self):
        [record] = self.project.glob(RECORD)
        return json.loads(record.read_text())

    def _pending(self):
        """Whether both parts of a record are whole, and it tells of a transaction that waits for its receipt."""
        try:
            [record], [_] = (
                [json.loads(path.read_text()) for path in self.project.glob(pattern)]
                for pattern in (RECORD, SECRETS)
            )
        except ValueError:  # none, or one that is being written
            return False
        return bool(record["pending"])

    def assert_all_sent(self):
        """All transactions of the newest run are in blocks, in their order."""
        record = self._record()
        assert len(record["transactions"]) == len(record["receipts"]) == TRANSACTIONS
        for sent in record["transactions"]:
            assert self.node.rpc("eth_getTransactionReceipt", sent["hash"])["status"] == "0x1"

    def script_that_is_stopped(self):
        """Run the script while no block is made, and kill it when it waits for its first receipt."""
        self.node.rpc("evm_setAutomine", False)
        for earlier in ("broadcast", "cache/Many.s.sol"):
            shutil.rmtree(self.project / earlier)
        command = (foundry("forge"), *self._script("--broadcast", "--slow"))
        process = subprocess.Popen(
            [str(part) for part in (*command[:2], *self.common, *command[2:])],
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(self._pending, "a transaction that forge knows of", deadline_s=60)
            process.send_signal(signal.SIGINT)
            process.wait(30)
        finally:
            process.kill()
            process.wait()
            self.node.rpc("evm_setAutomine", True)
        assert len(self._record()["receipts"]) < TRANSACTIONS

    def fork_tests(self):
        """Pay in some blocks, bury them under others, and run the tests: name -> what was wrong, or None."""
        rpc = self.node.rpc
        token = wallet.contract_address(8, wallet.nonce(self.node, 8))
        self.create()
        paid = [
            wallet.send(self.node, 8, to=token, input=f"0xa9059cbb{TO[2:]:0>64}{1:064x}") for _ in range(5)
        ]
        rpc("anvil_mine", hex(OLD_BLOCKS))
        first, middle, last = (paid[place] for place in (0, 2, 4))
        head = rpc("eth_getBlockByNumber", first["blockNumber"], False)
        variables = {
            "RPC": self.node.url,
            "CHAIN": str(wallet.CHAIN_ID),
            "TOKEN": token,
            "HOLDER": wallet.address(8),
            "TO": TO,
            "FIRST": str(int(first["blockNumber"], 16)),
            "MIDDLE": str(int(middle["blockNumber"], 16)),
            "LAST": str(int(last["blockNumber"], 16)),
            "MIDDLE_TX": middle["transactionHash"],
            "BEFORE_FIRST": head["parentHash"],
            "FIRST_TIME": str(int(head["timestamp"], 16)),
        }
        command = (
            "test",
            "--json",
            "--allow-failure",
            "--fork-url",
            self.node.url,
            "--fork-block-number",
            variables["MIDDLE"],
        )
        told = self.run(*command, **variables)
        [suite] = json.loads(told[told.index("{") :]).values()
        return {
            name.removesuffix("()").removeprefix("test_").replace("_", " "): (
                None if result["status"] == "Success" else str(result["reason"])
            )
            for name, result in suite["test_results"].items()
        }
