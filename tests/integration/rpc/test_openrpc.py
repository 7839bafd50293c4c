"""The node describes its methods itself (`rpc.discover`), and every example in the description is true."""

import re
from collections import Counter

import pytest
from jsonschema import Draft202012Validator

from devnet.roles.served import served
from devnet.rpc.openrpc import examples
from devnet.rpc.openrpc.results import RESULTS
from devnet.rpc.openrpc.schemas import PARAMS
from devnet.session import Role
from tests.support import openrpc
from tests.support.node import Node
from tests.support.rpc_examples import run
from tests.support.socket_client import SocketClient

IN_NETWORKS = "devnet_"
"""Answered only in a network of several nodes, to who knows its token."""
ALONE = "devnet_prune"
"""By a node that is alone, too."""
DESCRIBED = ("eth_", "mega_", "net_", "personal_", "realtime_", "rpc", "txpool_", "web3_")
"""What has schemas and examples, all of it."""
REFERENCE = re.compile(r'"\$ref": ?"#/components/schemas/(\w+)"')


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The document of a fresh devnet, and its answers to all examples."""
    with Node(tmp_path_factory.mktemp("examples")) as node, SocketClient(node.ws_url) as client:
        document = node.rpc("rpc.discover")
        assert client.call("rpc.discover")["result"] == document
        return document, list(run(client, examples()))


@pytest.fixture(scope="module")
def methods(session):
    return {method["name"]: method for method in session[0]["methods"]}


def validator(document, schema):
    return Draft202012Validator({**schema, "components": document["components"]})


def test_the_document_has_every_method_that_the_node_answers(methods):
    expected = {name for name in served(Role.SEQUENCER) if not name.startswith(IN_NETWORKS)}
    assert methods.keys() == expected | {ALONE}


def test_parameters_and_sentences_are_those_of_the_table(methods):
    for name, line in served(Role.SEQUENCER).items():
        if name in methods:
            method = methods[name]
            given = [param["name"] + "?" * (not param["required"]) for param in method["params"]]
            assert (given, method["summary"]) == (list(line.params), line.about)


def test_every_parameter_and_result_has_a_schema():
    lines = served(Role.SEQUENCER)
    described = {name: line for name, line in lines.items() if name.startswith(DESCRIBED)}
    named = {name.removesuffix("?") for line in described.values() for name in line.params}
    assert named - PARAMS.keys() == set()
    assert described.keys() - RESULTS.keys() == set()
    assert RESULTS.keys() - lines.keys() == set()


def test_the_document_is_one(session):
    document, _ = session
    assert document["openrpc"] == "1.3.2"
    assert document["info"]["title"] == "megaeth-devnet"
    schemas = [
        schema
        for method in document["methods"]
        for schema in (method["result"]["schema"], *(param["schema"] for param in method["params"]))
    ]
    for schema in (*schemas, *document["components"]["schemas"].values()):
        Draft202012Validator.check_schema(schema)
        for name in REFERENCE.findall(str(schema).replace("'", '"')):
            assert name in document["components"]["schemas"], name


def test_every_method_has_an_example(methods):
    without = {name for name, method in methods.items() if not method["examples"]}
    assert {name for name in without if name.startswith(DESCRIBED)} == set()
    assert sum(len(method["examples"]) for method in methods.values()) == len(examples())


def test_every_example_is_answered_as_it_says(session, methods):
    document, answers = session
    assert len(answers) == len(examples())
    for example, params, answer in answers:
        method = methods[example["method"]]
        where = f"{example['method']} {params}"
        assert "error" not in answer, (where, answer)
        for param, value in zip(method["params"], params, strict=False):
            assert validator(document, param["schema"]).is_valid(value), (where, param["name"])
        shown, got = example["result"], answer["result"]
        for result in (shown, got):
            errors = [
                error.message for error in validator(document, method["result"]["schema"]).iter_errors(result)
            ]
            assert not errors, (where, errors)
        assert type(got) is type(shown), where
        if isinstance(shown, dict):
            assert shown.keys() <= got.keys(), where


def test_what_does_not_depend_on_the_run_is_the_same(session):
    """Everything but hashes, ids, times and heights: here what is a plain value."""
    same = Counter()
    for example, _, answer in session[1]:
        if example["method"] in (
            "eth_getBalance",
            "eth_call",
            "eth_sign",
            "eth_chainId",
            "web3_sha3",
            "eth_getCode",
        ):
            assert answer["result"] == example["result"], example
            same[example["method"]] += 1
    assert len(same) == 6


def test_examples_have_the_form_that_ethereum_publishes(session):
    schemas = openrpc.Schemas(openrpc.load())
    checked = set()
    for example, _, answer in session[1]:
        if example["method"] in schemas.methods():
            schemas.check(example["method"], answer["result"])
            checked.add(example["method"])
    unserved = schemas.methods() - served(Role.SEQUENCER).keys()
    assert checked == schemas.methods() - unserved
