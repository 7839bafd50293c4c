"""HTTP/1.1 by hand: tests see exactly what is on the wire."""

import json
import socket


class RawHttp:
    """One connection. Sends bytes as they are; reads responses one by one.

    A `narrow` one has the kernel take some ten kilobytes of what is not read yet, on both sides, where it is megabytes
    otherwise.
    """

    def __init__(self, port, timeout=10, host="127.0.0.1", *, narrow=False):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if narrow:  # before it connects: window and segments are agreed upon then
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect((host, port))
        except OSError:
            self.socket.close()
            raise
        self._unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def response(self, *, body=True):
        """Read one response: status, headers (lower case), body."""
        while b"\r\n\r\n" not in self._unread:
            self._more()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        length = int(headers.get("content-length", 0)) if body else 0
        while len(self._unread) < length:
            self._more()
        content, self._unread = self._unread[:length], self._unread[length:]
        return int(lines[0].split()[1]), headers, content

    def until(self, ending):
        """Read up to and including `ending`; return all of it."""
        searched = 0
        while (at := self._unread.find(ending, searched)) < 0:
            searched = max(0, len(self._unread) - len(ending))
            self._more()
        end = at + len(ending)
        found, self._unread = self._unread[:end], self._unread[end:]
        return found

    def closed(self):
        """Wait until the server has closed; nothing may come before."""
        return self._unread == b"" and self.socket.recv(1) == b""

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed after {self._unread[-200:]!r}")
        self._unread += data

    def post(self, body, **headers):
        """Send a POST and return its response."""
        self.send(post(body, **headers))
        return self.response()

    def call(self, method, *params):
        """Make one call; return the response object."""
        status, _, body = self.post(request(method, *params))
        assert status == 200
        return json.loads(body)


def request(method, *params, id=1):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}


def post(body, path="/", **headers):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
