"""A small typed JSON-RPC client over one keep-alive HTTP connection.

For commands that read or send a few things: no web3, no third-party imports. Errors are the user's kind: a
node that does not answer is a NotRunningError, an error object of the node is an RpcError. Of several nodes the next is
asked when one does not answer, unless the one may have done already what must not be done twice.
"""

import http.client
import json
from types import TracebackType
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

from devnet.errors import NotRunningError
from megaeth_cli.chain import answers
from megaeth_cli.env import Environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.visible import one_line

DEFAULT_URL = "http://127.0.0.1:8545"
DEFAULT_TIMEOUT_S = 30.0
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603

ONCE: Final = frozenset(
    {"eth_sendTransaction", "eth_sendUnsignedTransaction", "eth_newFilter", "eth_newBlockFilter"}
)
"""Of Ethereum's methods, those that do more when they are asked for twice."""
REPEATED: Final = (
    "eth_",
    "realtime_",
    "debug_trace",
    "mega_get",
    "net_",
    "web3_",
    "txpool_",
    "trace_",
    "ots_",
)
"""How methods begin that don't; a raw transaction that is sent twice is one."""

Json = Any
"""A decoded JSON value. The caller knows its method's shape."""


class RpcError(CliError):
    """The node answered with a JSON-RPC error object."""

    def __init__(self, method: str, code: int, message: str, data: Json = None, mega: Json = None) -> None:
        self.message = one_line(message)
        """In the node's words, which may be anybody's: a revert reason stands in it."""
        super().__init__(self.message, f"{method} failed with code {code}", status=ExitStatus.RPC)
        self.method = method
        self.code = code
        self.data = data
        self.mega = mega
        """What MegaETH adds: resources used and why execution halted."""


class Node(Protocol):
    """Who answers JSON-RPC: a node, or what stands in for one."""

    url: str
    """For people."""

    def call(self, method: str, *params: Json) -> Json:
        """The result of one method; RpcError where there is none."""

    def batch(self, calls: list[tuple[str, list[Json]]]) -> list[Json]:
        """The results of several methods, in their order; the first error is raised."""

    def wait_longer(self, timeout_s: float) -> None:
        """Give it this long for each answer from now on."""

    def close(self) -> None:
        """Nothing is asked any more."""


class RpcClient:
    """Calls methods of one node, or of the first of several that answers."""

    def __init__(self, url: str = DEFAULT_URL, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """`url`: of a node, or of several, with commas between."""
        self._urls = [one.strip() for one in url.split(",")]
        self._timeout_s = timeout_s
        connections = [self._connection_to(one) for one in self._urls]
        self._connection, self._path = connections[0]
        self.url = self._urls[0]
        self._next_id = 1

    def _connection_to(self, url: str) -> tuple[http.client.HTTPConnection, str]:
        """Not opened yet; raises CliError for what is no URL."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise _no_url(url, str(error)) from None
        if parts.scheme not in ("http", "https") or not host:
            raise _no_url(url, "a node is reached over http:// or https://")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return kind(host, port, timeout=self._timeout_s), path

    def call(self, method: str, *params: Json) -> Json:
        """The result of one method."""
        [outcome] = self._post([self._request(method, params)], single=True)
        return self._result(method, outcome)

    def wait_longer(self, timeout_s: float) -> None:
        """Gives the node this long for each answer from now on."""
        self._timeout_s = timeout_s
        self._connection.timeout = timeout_s
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)

    def batch(self, calls: list[tuple[str, list[Json]]]) -> list[Json]:
        """The results of several methods in one round trip, in their order; the first error is raised."""
        if not calls:
            return []
        requests = [self._request(method, params) for method, params in calls]
        by_id = {
            answer["id"]: answer
            for answer in self._post(requests, single=False)
            if isinstance(answer.get("id"), int)
        }
        missing = {
            "error": {"code": INTERNAL_ERROR, "message": "the node left this call of the batch unanswered"}
        }
        return [
            self._result(method, by_id.get(request["id"], missing))
            for (method, _), request in zip(calls, requests, strict=True)
        ]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _request(self, method: str, params: object) -> dict[str, Json]:
        number, self._next_id = self._next_id, self._next_id + 1
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}

    def _post(self, requests: list[dict[str, Json]], *, single: bool) -> list[dict[str, Json]]:
        body = json.dumps(requests[0] if single else requests)
        may_repeat = all(_may_repeat(request["method"]) for request in requests)
        status, payload = self._sent(body, may_repeat)
        try:
            decoded = json.loads(payload)
        except (ValueError, RecursionError):
            raise self._no_rpc(f"HTTP {status} with {payload[:80]!r}") from None
        found = decoded if isinstance(decoded, list) else [decoded]
        if not all(isinstance(answer, dict) for answer in found) or (single and len(found) != 1):
            raise self._no_rpc(f"it answered {payload[:80]!r}")
        if not single and isinstance(decoded, dict):
            # The whole batch was refused: one error object for all.
            self._result("batch", decoded)
        return found

    def _sent(self, body: str, may_repeat: bool) -> tuple[int, bytes]:
        """Status and body of the first answer, of this node or one of the others."""
        here = self._urls.index(self.url)
        for url in (*self._urls[here + 1 :], *self._urls[:here]):
            try:
                return self._exchange(body)
            except NotRunningError as error:
                if not (may_repeat or isinstance(error.__cause__, ConnectionRefusedError)):
                    raise
                self.url = url
                self._connection, self._path = self._connection_to(url)
        return self._exchange(body)

    def _exchange(self, body: str) -> tuple[int, bytes]:
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            return response.status, response.read()
        except TimeoutError as error:
            self._connection.close()
            raise NotRunningError(
                f"{self.url} did not answer in {self._connection.timeout:g} s",
                "the node accepted the connection and then stayed silent",
                "megaeth devnet status",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NotRunningError(
                f"no node answers at {self.url}", _reason(error), "megaeth devnet up -d   (or --rpc-url URL)"
            ) from error

    def _no_rpc(self, why: str) -> CliError:
        return CliError(f"{self.url} does not speak JSON-RPC", why, "check --rpc-url", ExitStatus.RPC)

    def _result(self, method: str, answer: dict[str, Json]) -> Json:
        error = answer.get("error")
        if error is not None:
            fields = error if isinstance(error, dict) else {"message": str(error)}
            code = fields.get("code")
            raise RpcError(
                method,
                code if isinstance(code, int) else INTERNAL_ERROR,
                str(fields.get("message", "")),
                fields.get("data"),
                fields.get("mega"),
            )
        result = answer.get("result")
        if (wrong := answers.fault(method, result)) is not None:
            raise CliError(
                f"{self.url} answers {method} in a form that it cannot have",
                one_line(f"the result{wrong if wrong[0] in '.[' else f' {wrong}'}"),
                "check --rpc-url, or ask another node",
                ExitStatus.RPC,
            )
        return result


def _may_repeat(method: str) -> bool:
    return method.startswith(REPEATED) and method not in ONCE


def _no_url(url: str, why: str) -> CliError:
    hint = f"for example --rpc-url {DEFAULT_URL}"
    return CliError(f"not an HTTP URL: {url}", why, hint, ExitStatus.USAGE)


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(error) or type(error).__name__


def connect(
    env: Environment, url: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S, name: str | None = None
) -> RpcClient:
    """A client for `--rpc-url` (or MEGAETH_RPC_URL), else for the running devnet, else for the usual port. A devnet
    that is named must run."""
    if url is None:
        from megaeth_cli.select_devnet import find_session, require_session

        session = find_session(env) if name is None else require_session(env, name)
        url = ",".join(session.rpc_urls) if session is not None else DEFAULT_URL
    return RpcClient(url, timeout_s)
