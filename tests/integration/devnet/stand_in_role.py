"""A role process without a chain: it binds, answers health checks, stops on SIGTERM, and misbehaves on request.

Its behaviour comes through its name, or for all nodes through the mnemonic, which no test of the supervisor needs:
`refuse` ends with a user's error, `crash` before it binds, `deaf` ignores SIGTERM, `slow` is unwell three times, `anew`
asks once to be started again, `chatty` says more than any pipe holds before it binds. One that may lead asks for the
lease, renews it, and begins anew when it has lost it; one in whose directory lies `shy` does not ask.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from devnet.errors import UnavailableError
from devnet.role_config import START_AGAIN_EXIT, RoleConfig, run_role, write_ready_file
from devnet.succession.control_lease import ControlLease
from devnet.succession.lease import RENEW_S, LeaseUnavailable

MANNERS = ("refuse", "crash", "deaf", "slow", "anew", "chatty")


def serve(role: RoleConfig) -> None:
    """Serve until SIGTERM."""
    manner = role.node if role.node in MANNERS else role.config.accounts.mnemonic.split()[0]
    print(f"{role.node} starts {manner}", flush=True)
    if manner == "refuse":
        raise UnavailableError("port 1 is in use", "another process listens there", "choose another")
    if manner == "crash":
        sys.exit("out of luck")
    been_here = Path(role.data_dir).with_suffix(".been")
    if manner == "anew" and not been_here.exists():
        been_here.parent.mkdir(parents=True, exist_ok=True)
        been_here.touch()
        sys.exit(START_AGAIN_EXIT)
    if manner == "chatty":
        for _ in range(2_000):
            print("x" * 1_000, flush=True)
    unwell = [503] * (3 if manner == "slow" else 0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"height": 7, "mini_block": 700}).encode()
            self.send_response(unwell.pop() if unwell else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((role.config.rpc.host, role.config.rpc.port), Handler)
    server.daemon_threads = True

    def stop(*_):
        if manner != "deaf":
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    if role.network is not None and role.network.lease:
        threading.Thread(target=asyncio.run, args=(lead(role),), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    write_ready_file(role, {"http": url}, server.server_port)
    server.serve_forever(0.01)
    print(f"{role.node} stops", flush=True)


async def lead(role: RoleConfig) -> None:
    """As often as the lease is free."""
    lease = ControlLease.of(role.network.lease, role.token, role.node)
    shy = Path(role.data_dir).with_suffix(".shy")
    try:
        while not (await lease.watch(0)).is_free or shy.exists():
            await asyncio.sleep(0.02)
        term = await lease.acquire(role.node)
        while term is not None and await lease.renew(role.node, term, b"leadership"):
            await asyncio.sleep(RENEW_S)
    except LeaseUnavailable:
        return  # the supervisor is going
    print(f"{role.node} leads no more", flush=True)
    os._exit(START_AGAIN_EXIT)


run_role(serve)
