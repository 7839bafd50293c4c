"""A node whose answers the test writes: JSON-RPC over HTTP, one thread, a free port."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Refusal:
    """Makes the node answer with this error object."""

    def __init__(self, code, message, **more):
        self.error = {"code": code, "message": message, **more}


class ScriptedNode:
    """Answers methods from a table: a value, a Refusal, or a function of the parameters that gives one.

    It remembers what it was asked.
    """

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.url = ""

    def methods(self):
        """What was asked, in order."""
        return [method for method, _ in self.asked]

    def answer(self, request):
        method, params = request["method"], request.get("params") or []
        self.asked.append((method, params))
        found = self.answers.get(method, Refusal(-32601, f"the method {method} does not exist"))
        if callable(found):
            found = found(*params)
        outcome = {"error": found.error} if isinstance(found, Refusal) else {"result": found}
        return {"jsonrpc": "2.0", "id": request["id"], **outcome}


@contextmanager
def scripted_node(**answers):
    """Run a scripted node."""
    node = ScriptedNode(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers = [node.answer(one) for one in body] if isinstance(body, list) else node.answer(body)
            payload = json.dumps(answers).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    node.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
