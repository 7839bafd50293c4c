"""What tests of the gateway share: a client of its address, and which of its rules only a chain can break."""

import contextlib
import json

from tests.support.raw_http import RawHttp, post, request

OF_A_CHAIN = {"call-compute", "call-many-time", "estimate-time", "receipt-wait"}
"""Names of rules that show when a request runs; all others need no engine."""


class GatewayClient:
    """Asks the gateway's port, a connection for each question."""

    def __init__(self, port):
        self.port = port

    def post(self, body, **headers):
        """HTTP's status, and the answer."""
        with RawHttp(self.port, timeout=30) as http:
            with contextlib.suppress(BrokenPipeError):  # who is refused by a length is not read to the end
                http.send(post(body, **headers))
            status, _, answer = http.response()
        return status, json.loads(answer) if answer else None

    def call(self, method, *params):
        return self.post(request(method, *params))[1]

    def refusal(self, method, *params):
        """Status, code and message."""
        status, answer = self.post(request(method, *params))
        return status, answer["error"]["code"], answer["error"]["message"]


def port_of(url):
    return int(url.rpartition(":")[2])
