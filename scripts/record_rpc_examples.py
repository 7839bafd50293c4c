"""Run the examples of the OpenRPC document on a fresh devnet, and write down what it answers now.

A new example is a new entry in devnet/rpc/openrpc/examples.json with `method`, `params` and `"result": null`, behind
those whose answers it needs.
"""

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from devnet.rpc.openrpc import EXAMPLES, examples  # noqa: E402
from tests.support.node import Node  # noqa: E402
from tests.support.rpc_examples import run, shortened  # noqa: E402
from tests.support.socket_client import SocketClient  # noqa: E402


def main() -> None:
    """Record."""
    recorded = []
    with (
        tempfile.TemporaryDirectory() as directory,
        Node(Path(directory)) as node,
        SocketClient(node.ws_url) as client,
    ):
        for example, params, answer in run(client, examples()):
            if "error" in answer:
                raise SystemExit(f"{example['method']} {json.dumps(params)}: {answer['error']['message']}")
            recorded.append(
                {"method": example["method"], "params": params, "result": shortened(answer["result"])}
            )
    lines = ",\n".join(json.dumps(example) for example in recorded)
    EXAMPLES.write_text(f"[\n{lines}\n]\n")
    print(f"wrote {EXAMPLES.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
