"""A node to fork, as its fork sees it: what it is asked can be counted, held up and answered otherwise."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from urllib.request import Request, urlopen

COUNTER = "5f54600101805f555f52600160205fa100"
"""Adds one to slot 0, and logs the sum under topic 1."""


def creation_of(runtime):
    """Return the code that deploys this code."""
    return f"0x60{len(runtime) // 2:02x}8060095f395ff3{runtime}"


class Passage:
    """Passes requests on to a node."""

    def __init__(self, target):
        self.target = target
        self.url = ""
        self.open = Event()
        self.open.set()
        self.held = ""
        """While it is not open, requests with this in them wait."""
        self.instead = None
        """Gives the status and the body of an answer for the text of a request; None: it is passed on."""
        self.asked = []
        self._lock = Lock()

    def answer(self, body):
        text = body.decode()
        with self._lock:
            self.asked.append(json.loads(text))
        if self.held and self.held in text.lower():
            self.open.wait(30)
        if self.instead is not None and (found := self.instead(text)) is not None:
            return found
        request = Request(self.target, body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=20) as response:
            return response.status, response.read()

    def count(self, method):
        """Return how often a method was asked for."""
        with self._lock:
            return sum(request["method"] == method for request in self.asked)


@contextmanager
def passage_to(target):
    """Stand in front of a node."""
    passage = Passage(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            status, payload = passage.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    passage.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield passage
    finally:
        passage.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
