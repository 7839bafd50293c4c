"""`python -m tests.conformance.schemas`: which of Ethereum's published methods a node answers, and in their form.

The published document is that of ethereum/execution-apis (`openrpc.json`, in the directory that MEGAETH_VECTORS names).
The node is asked the examples of its own document: one that is started for it, or the one at `--rpc-url`, where those
that need a fresh chain fail and are told apart from answers of a wrong form. Ends with 1 if an answer has a wrong form,
or if a method of the devnet that was started fails; with 2 where the published document is absent.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from devnet.rpc.openrpc import examples
from tests.support import openrpc
from tests.support.node import Node
from tests.support.rpc_examples import run
from tests.support.socket_client import SocketClient

VALID, INVALID, FAILED, ABSENT = "valid", "invalid", "failed", "not served"


@dataclass(frozen=True)
class Line:
    """What there is to say of a method."""

    method: str
    verdict: str
    examples: int = 0
    why: str = ""


def report(client: SocketClient) -> list[Line]:
    """Ask a node all examples; one line for each published method."""
    schemas = openrpc.Schemas(openrpc.load())
    served = {method["name"] for method in client.call("rpc.discover")["result"]["methods"]}
    lines = {name: Line(name, VALID if name in served else ABSENT) for name in sorted(schemas.methods())}
    for example, _, answer in run(client, examples()):
        name = example["method"]
        if name in lines and lines[name].verdict == VALID:
            lines[name] = _judged(schemas, lines[name], answer)
    return [
        Line(line.method, FAILED, why="no example") if line == Line(line.method, VALID) else line
        for line in lines.values()
    ]


def _judged(schemas: openrpc.Schemas, line: Line, answer: dict) -> Line:
    if "error" in answer:
        return Line(line.method, FAILED, line.examples, answer["error"]["message"])
    try:
        schemas.check(line.method, answer["result"])
    except AssertionError as error:
        return Line(line.method, INVALID, line.examples, str(error))
    return Line(line.method, VALID, line.examples + 1)


@contextmanager
def _asked(url: str | None) -> Iterator[SocketClient]:
    if url is not None:
        with SocketClient(url.replace("http", "ws", 1)) as client:
            yield client
        return
    with (
        tempfile.TemporaryDirectory() as directory,
        Node(Path(directory)) as node,
        SocketClient(node.ws_url) as client,
    ):
        yield client


def main() -> int:
    """Print the report; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rpc-url", help="the node to ask (default: one that is started)")
    parser.add_argument("--json", action="store_true", help="one JSON value on stdout")
    options = parser.parse_args()
    if not openrpc.DOCUMENT.exists():
        print(f"{openrpc.DOCUMENT} is absent; MEGAETH_VECTORS names its directory", file=sys.stderr)
        return 2
    with _asked(options.rpc_url) as client:
        lines = report(client)
    if options.json:
        print(json.dumps([asdict(line) for line in lines]))
    else:
        for line in lines:
            print(f"{line.method:40} {line.verdict:10} {line.examples or '':>3}  {line.why}".rstrip())
        counts = {
            verdict: sum(line.verdict == verdict for line in lines)
            for verdict in (VALID, INVALID, FAILED, ABSENT)
        }
        print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    bad = {INVALID} if options.rpc_url else {INVALID, FAILED}
    return int(any(line.verdict in bad for line in lines))


if __name__ == "__main__":
    sys.exit(main())
