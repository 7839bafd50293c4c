"""A small typed JSON-RPC client over one keep-alive HTTP connection.

For commands that read or send a few things: no web3, no third-party imports. Errors are the user's kind: a
node that does not answer is a NotRunningError, an error object of the node is an RpcError.
"""

import http.client
import json
from types import TracebackType
from typing import Any, Protocol, Self
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
    """Calls methods of one node."""

    def __init__(self, url: str = DEFAULT_URL, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise _no_url(url, str(error)) from None
        if parts.scheme not in ("http", "https") or not host:
            raise _no_url(url, "a node is reached over http:// or https://")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = url
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection = kind(host, port, timeout=timeout_s)
        self._next_id = 1

    def call(self, method: str, *params: Json) -> Json:
        """The result of one method."""
        [outcome] = self._post([self._request(method, params)], single=True)
        return self._result(method, outcome)

    def wait_longer(self, timeout_s: float) -> None:
        """Gives the node this long for each answer from now on."""
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
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            payload = response.read()
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
        try:
            decoded = json.loads(payload)
        except (ValueError, RecursionError):
            raise self._no_rpc(f"HTTP {response.status} with {payload[:80]!r}") from None
        found = decoded if isinstance(decoded, list) else [decoded]
        if not all(isinstance(answer, dict) for answer in found) or (single and len(found) != 1):
            raise self._no_rpc(f"it answered {payload[:80]!r}")
        if not single and isinstance(decoded, dict):
            # The whole batch was refused: one error object for all.
            self._result("batch", decoded)
        return found

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
        url = session.rpc_url if session is not None else DEFAULT_URL
    return RpcClient(url, timeout_s)
