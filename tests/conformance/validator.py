"""`python -m tests.conformance.validator PROGRAM`: MegaETH's own stateless validator judges a chain of ours.

PROGRAM is megaeth-labs' `stateless-validator`, built from its repository. It follows a sequencer from block 0 on while
every kind of transaction is sent (those of `python -m tests.torture.chain`; how each ends is not judged here, as that
depends on the rules). Its mega-evm must know the rules: `--spec` names them. Interventions are left out, as no other
program can carry them out.

The network's sequencer signs the transactions that write MegaETH's oracle; a devnet has no such key and leaves the
signature empty, which the program refuses. `--without-oracle-writes` leaves out the kinds that bring them about.

Ends with 1 if it does not validate every block up to the newest with a transaction, or complains of one.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from devnet.config import Config
from megaeth_cli.chain.genesis_export import genesis_of
from megaeth_cli.chain.rpc_client import RpcClient
from tests.support.node import Node
from tests.torture.chain.network import Network, block_time_s
from tests.torture.chain.run import Broken, Run
from tests.torture.chain.script import Script
from tests.torture.chain.tally import Tally
from tests.torture.chain.world import Sending

ORACLE_KINDS: Final = ("high-precision timestamp", "oracle")
"""In the names of kinds that read the oracle, whereupon the sequencer writes it."""
INTERVENTION: Final = "intervention"
PATIENCE_S: Final = 300.0
"""Without a newly validated block."""
VALIDATED: Final = re.compile(r"Successfully validated block (\d+)")
COMPLAINT: Final = re.compile(r"\b(?:ERROR|WARN)\b.*")
ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
SHOWN: Final = 10


class Counts(Tally):
    """Tells how transactions end, whatever was expected of them under other rules."""

    def included(self, sending: Sending, receipt: dict[str, Any]) -> None:
        """In a block."""
        faults = len(self.faults)
        super().included(sending, receipt)
        del self.faults[faults:]

    def refused(self, sending: Sending, message: str) -> None:
        """At the door."""
        faults = len(self.faults)
        super().refused(sending, message)
        del self.faults[faults:]


class Judged(Network):
    """A sequencer, and one prover of ours: the script goes on as its proofs do."""

    def start(self) -> None:
        """Both."""
        self.sequencer()
        self.prover("prover-1", self.chain_nodes)


class Validator:
    """The program, following a node. What it says goes to a file. `with` ends it."""

    def __init__(self, program: Path, node: Node, directory: Path, options: list[str]) -> None:
        directory.mkdir()
        document = directory / "genesis.json"
        document.write_text(json.dumps(genesis_of(RpcClient(node.url))))
        self._output = directory / "validator.log"
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [
                    program,
                    *("--data-dir", directory),
                    *("--genesis-file", document),
                    *("--rpc-endpoint", node.url),
                    *("--witness-endpoint", node.url),
                    *("--start-block", node.rpc("eth_getBlockByNumber", "0x0", False)["hash"]),
                    *options,
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Validator:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def validated(self) -> set[int]:
        """The blocks that it calls valid."""
        return {int(number) for number in VALIDATED.findall(self._said())}

    def until(self, newest: int, tally: Tally) -> None:
        """Wait until all blocks up to the newest are validated, as long as it goes on. The tally hears why not."""
        wanted, progress, deadline = set(range(1, newest + 1)), -1, 0.0
        while missing := wanted - self.validated:
            if len(missing) != progress:
                progress, deadline = len(missing), time.monotonic() + PATIENCE_S
            ending = self._process.poll()
            if ending is not None or time.monotonic() > deadline:
                why = (
                    f"has ended with {ending}"
                    if ending is not None
                    else f"got no further in {PATIENCE_S:g} s"
                )
                tally.fault(
                    f"the validator {why}: {len(missing)} blocks are missing, the first is {min(missing)}"
                )
                return
            time.sleep(0.5)

    def judge(self, tally: Tally) -> None:
        """What it has validated, and what it complains of."""
        tally.facts["validated by the program"] = f"{len(self.validated):,} blocks"
        for complaint in COMPLAINT.findall(self._said())[:SHOWN]:
            tally.fault(f"the validator says: {complaint[:300]}")

    def _said(self) -> str:
        return ESCAPE.sub("", self._output.read_text(errors="replace"))


def main(arguments: list[str] | None = None) -> int:
    """One run."""
    description, ends = (__doc__ or "").rsplit("\n\n", 1)
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.validator",
        description=description,
        epilog=ends,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("program", type=Path, help="the validator")
    parser.add_argument("--spec", default=Config().chain.spec, help="the chain's rules (%(default)s)")
    parser.add_argument("--blocks", type=int, default=200, metavar="N", help="rounds of transactions (200)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another one sends others (1)")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="KIND",
        help="leave a kind out: rules may not know it",
    )
    parser.add_argument(
        "--without-oracle-writes", action="store_true", help="nothing that has the sequencer write the oracle"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="TEXT",
        help="for the program, such as --option=--report-validation-results; by default what older releases take",
    )
    options = parser.parse_args(arguments)
    directory = Path(tempfile.mkdtemp(prefix="megaeth-validator-"))
    without = frozenset(options.without) | {name for name in Script.names() if INTERVENTION in name}
    if options.without_oracle_writes:
        without |= {name for name in Script.names() if any(part in name for part in ORACLE_KINDS)}
    script = Script(options.seed, options.blocks, without)
    tally = Counts(script.names())
    buckets = Config().chain.salt_data_buckets
    settings = {
        "network__provers": 1,
        "network__quorum": 1,
        "chain__salt_data_buckets": buckets,
        "chain__interventions": False,
    }
    with Judged(directory, block_time_s(), chain__spec=options.spec, **settings) as network:
        network.start()
        node = network.chain_nodes[0]
        program_options = options.option or ["--report-validation-results"]
        with Validator(options.program, node, directory / "validator", program_options) as validator:
            run = Run(network, script, tally, quiet=False)
            try:
                run.go()
                validator.until(run.newest, tally)
            except Broken:
                pass  # the tally says why
            validator.judge(tally)
    tally.facts["spec"] = options.spec
    print(tally.text())
    if tally.faults:
        print(f"what was said is in {directory}", file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return tally.exit_code()


if __name__ == "__main__":
    sys.exit(main())
