"""`python -m tests.torture.chain --blocks N --seed N`: every kind of transaction against a whole network.

Starts a sequencer, a full node of each `--verify` mode and two provers on this machine, and sends, one round to a
block, what the seed says: every kind of transaction that can drive the chain, also those that fail, and those that meet
a limit. The same seed sends the same transactions. Each must end as it should; nobody may complain of any block; proofs
must keep up; in the end all nodes must tell the same, and blocks that are verified once more must be what they claim.

Ends with 1 if something is wrong, and with 2 if nothing can be said: not every kind was sent, or somebody interrupted
it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.torture.chain.audit import Audit
from tests.torture.chain.network import BLOCK_TIME_S, Network, block_time_s
from tests.torture.chain.run import Broken, Run
from tests.torture.chain.script import Script
from tests.torture.chain.tally import Tally
from tests.torture.chain.watch import look_into_logs
from tests.torture.program import parse, parser_of, run_as_program


def main(arguments: list[str] | None = None) -> int:
    """One run."""
    parser = parser_of("chain", __doc__)
    parser.add_argument("--blocks", type=int, default=200, metavar="N", help="rounds of transactions (200)")
    parser.add_argument(
        "--block-time",
        type=float,
        default=block_time_s(),
        metavar="SECONDS",
        help=f"({BLOCK_TIME_S}, longer where others use the machine)",
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="KIND", help="leave a kind out; ends with 2 at best"
    )
    options = parse(parser, arguments)
    if unknown := set(options.without) - set(Script.names()):
        parser.error(f"unknown kinds: {', '.join(sorted(unknown))}")
    directory = options.keep or Path(tempfile.mkdtemp(prefix="megaeth-torture-"))
    script = Script(options.seed, options.blocks, frozenset(options.without))
    tally = Tally(script.names())
    torture(directory, script, tally, options)
    print(json.dumps(tally.to_json()) if options.json else tally.text())
    if options.keep is None and not tally.faults:
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print(f"the nodes' data and logs are in {directory}", file=sys.stderr)
    return tally.exit_code()


def torture(directory: Path, script: Script, tally: Tally, options: argparse.Namespace) -> None:
    """Runs a script against a network of its own; what there is to say goes to the tally."""
    began = time.monotonic()
    with Network(directory, options.block_time) as network:
        network.start()
        run = Run(network, script, tally, quiet=options.json)
        tally.facts |= {
            "seed": options.seed,
            "rounds": options.blocks,
            "block time": f"{options.block_time:.2f} s",
        }
        try:
            run.go()
            sending_s = time.monotonic() - began
            Audit(network, run, tally, options.seed).go()
            tally.facts["seconds"] = {
                "sending": round(sending_s),
                "comparing and verifying": round(time.monotonic() - began - sending_s),
            }
        except Broken:
            tally.facts["stopped after"] = f"{round(time.monotonic() - began)} s"
        except KeyboardInterrupt:
            tally.interrupted = True
        except (OSError, EOFError) as error:
            tally.fault(f"a node does not answer any more: {error!r}")
        tally.facts["sent"] = f"sha256 {script.digest}"
        look_into_logs(network, tally)


if __name__ == "__main__":
    run_as_program(main)
