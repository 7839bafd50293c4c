"""Ethereum's published JSON-RPC schemas (ethereum/execution-apis), as validators of results.

MegaETH's additional fields are allowed; whatever Ethereum requires must be there and have its form.
"""

import json
import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
VECTORS = Path(os.environ.get("MEGAETH_VECTORS", ROOT.parent / "shared" / "vectors"))
DOCUMENT = VECTORS / "openrpc.json"


def load():
    """Return the document, or skip where it is not at hand."""
    if not DOCUMENT.exists():
        pytest.skip(f"{DOCUMENT} is absent; MEGAETH_VECTORS names its directory")
    return json.loads(DOCUMENT.read_text())


class Schemas:
    """Validators by method."""

    def __init__(self, document):
        self._components = {"schemas": _tolerant(document["components"]["schemas"])}
        self._results = {
            method["name"]: _tolerant(method["result"]["schema"])
            for method in document["methods"]
            if "result" in method
        }

    def methods(self):
        return set(self._results)

    def check(self, method, result):
        """Fail with the first difference between a result and its schema."""
        self._check(self._results[method], result)

    def check_component(self, name, value):
        self._check({"$ref": f"#/components/schemas/{name}"}, value)

    def _check(self, schema, value):
        validator = Draft202012Validator({**schema, "components": self._components})
        errors = sorted(validator.iter_errors(value), key=lambda error: list(error.absolute_path))
        assert not errors, "\n".join(_explain(error) for error in errors)


def _tolerant(schema):
    """Allow additional fields, and with them values that fit two alternatives."""
    if isinstance(schema, list):
        return [_tolerant(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    relaxed = {name: _tolerant(value) for name, value in schema.items()}
    if relaxed.get("additionalProperties") is False:
        del relaxed["additionalProperties"]
    if isinstance(relaxed.get("oneOf"), list):
        relaxed["anyOf"] = relaxed.pop("oneOf")
    return relaxed


def _explain(error):
    deepest = error
    while deepest.context:
        deepest = max(deepest.context, key=lambda each: len(each.absolute_path))
    where = "/".join(map(str, deepest.absolute_path))
    return f"at {where or 'the top'}: {deepest.message[:300]}"
