"""The report by method tells right answers from wrong ones, and what was not asked from what is not there."""

import pytest

from tests.conformance import schemas
from tests.support import openrpc

PUBLISHED = {
    "methods": [
        {"name": name, "result": {"schema": {"type": "string", "pattern": "^0x"}}}
        for name in ("eth_chainId", "eth_gasPrice", "eth_call", "eth_sign", "eth_config")
    ],
    "components": {"schemas": {}},
}
ANSWERS = {
    "eth_chainId": {"result": "0x1"},
    "eth_gasPrice": {"result": "1"},
    "eth_call": {"error": {"code": 3, "message": "execution reverted"}},
    "eth_sign": {"result": "0x"},
}


class Client:
    def call(self, method, *params):
        if method == "rpc.discover":
            return {"result": {"methods": [{"name": name} for name in ANSWERS]}}
        return ANSWERS[method]


@pytest.fixture
def lines(monkeypatch):
    asked = [
        {"method": name, "params": [], "result": None} for name in ("eth_chainId", "eth_gasPrice", "eth_call")
    ]
    monkeypatch.setattr(openrpc, "load", lambda: PUBLISHED)
    monkeypatch.setattr(schemas, "examples", lambda: [*asked, asked[0]])
    return {line.method: line for line in schemas.report(Client())}


def test_each_published_method_has_its_verdict(lines):
    assert {name: line.verdict for name, line in lines.items()} == {
        "eth_chainId": "valid",
        "eth_gasPrice": "invalid",
        "eth_call": "failed",
        "eth_sign": "failed",
        "eth_config": "not served",
    }


def test_what_is_wrong_is_said(lines):
    assert lines["eth_chainId"].examples == 2
    assert "does not match" in lines["eth_gasPrice"].why
    assert lines["eth_call"].why == "execution reverted"
    assert lines["eth_sign"].why == "no example"
