"""`make demo`: the shortest way through everything, by the commands a person would type, on a devnet of its own."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent
MEGAETH = str(Path(sys.executable).parent / "megaeth")
COUNTER = "contracts/src/Counter.sol"
SEAL_TIMEOUT_S = 20.0

NEXT = """
That was a MegaETH network on this machine. Now yourself:

  source .venv/bin/activate
  megaeth devnet up                            # in one terminal; Ctrl-C stops it
  megaeth deploy {counter}     # in another
  megaeth tx send Counter "increment()"
  megaeth inspect-diff latest
  megaeth --help

Any Ethereum tool works with it: http://127.0.0.1:8545, chain id 6343."""


class Demo:
    """Runs `megaeth` commands against one devnet and shows each as it would be typed."""

    def __init__(self) -> None:
        # A name of its own: the demo neither finds nor stops a devnet that is already there.
        self._environment = {**os.environ, "MEGAETH_NAME": f"demo-{os.getpid()}"}

    def show(self, *arguments: str) -> None:
        """Run a command and let it print."""
        print("\n" + typer.style(f"$ megaeth {shlex.join(arguments)}", bold=True), flush=True)
        self._run(arguments, capture=False)

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401
        """Run a command with `--json` and read what it says."""
        return json.loads(self._run((*arguments, "--json"), capture=True))

    def _run(self, arguments: tuple[str, ...], *, capture: bool) -> str:
        done = subprocess.run(
            [MEGAETH, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE if capture else None,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(
                f"\nthe demo stops: `megaeth {shlex.join(arguments)}` failed\n{done.stdout or ''}"
            )
        return done.stdout or ""

    def wait_sealed(self, block: int) -> None:
        """Wait until the EVM block is sealed; that happens every second."""
        deadline = time.monotonic() + SEAL_TIMEOUT_S
        while self.ask("rpc", "eth_getBlockByNumber", hex(block), "false") is None:
            if time.monotonic() > deadline:
                raise SystemExit(f"block {block} was not sealed in {SEAL_TIMEOUT_S:g} s")
            time.sleep(0.1)

    def block_of_latest_change(self) -> int:
        """The EVM block that the last transaction is in; it may still be open."""
        return int(self.ask("inspect-diff", "latest")["blockNumber"])


def main() -> None:
    """Start, deploy, send, look, verify, stop."""
    demo = Demo()
    started = time.monotonic()
    demo.show("devnet", "up", "--detach", "--ephemeral", "--port", "0")
    print(f"\nup after {time.monotonic() - started:.1f} s", flush=True)
    try:
        demo.show("deploy", COUNTER)
        demo.show("tx", "send", "Counter", "setNumber(uint256)", "41")
        demo.show("tx", "send", "Counter", "increment()")
        demo.show("call", "Counter", "number()")
        demo.show("inspect-diff", "latest")
        block = demo.block_of_latest_change()
        demo.wait_sealed(block)
        demo.show("verify", "block", str(block))
    finally:
        demo.show("devnet", "down")
    print(NEXT.format(counter=COUNTER))


if __name__ == "__main__":
    main()
