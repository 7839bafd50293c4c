"""What the node signs of typed data, beside what viem and ethers make of the same documents."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from devnet.rpc import eip712
from devnet.rpc.errors import RpcFault
from tests.support import npm
from tests.support.typed_data import Documents

SCRIPT = "typed_data.mjs"


def ours(document):
    try:
        return "0x" + eip712.digest(json.loads(json.dumps(document))).hex()
    except RpcFault as fault:
        return fault


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Ask the libraries about documents."""
    directory = tmp_path_factory.mktemp("typed-data")
    (directory / "node_modules").symlink_to(npm.directory() / "node_modules")
    shutil.copy(Path(__file__).parent / SCRIPT, directory)

    def ask(documents):
        lines = "\n".join(json.dumps(document) for document in documents)
        command = [shutil.which("node"), directory / SCRIPT]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=300)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


@pytest.mark.parametrize("seed", range(3))
def test_documents_have_the_hash_that_both_libraries_give_them(theirs, seed):
    random = Documents(seed)
    documents = [random.document() for _ in range(150)]
    for document, their in zip(documents, theirs(documents), strict=True):
        assert ours(document) == their["viem"].get("hash"), (document, their)
        if document["primaryType"] != "EIP712Domain":
            assert their["ethers"].get("hash") == their["struct"]["hash"], (document, their)


@pytest.mark.parametrize("seed", range(3))
def test_what_either_library_refuses_is_refused_and_nothing_else_but_shapes_that_cannot_be(theirs, seed):
    random = Documents(100 + seed)
    documents = [random.spoiled() for _ in range(300)]
    refusals = 0
    for document, their in zip(documents, theirs(documents), strict=True):
        mine = ours(document)
        refusals += isinstance(mine, RpcFault)
        if not isinstance(mine, RpcFault):
            assert mine == their["viem"].get("hash"), (document, their)
        if document.get("primaryType") == "EIP712Domain":
            continue  # ethers has no such thing
        libraries = (their["viem"], their["ethers"], their["separator"])
        refused = [each["refused"] for each in libraries if "refused" in each]
        if not refused:
            assert not isinstance(mine, RpcFault) or _is_about_shape(mine), (document, mine, their)
        elif not all(_is_about_structure(why) for why in refused):
            assert isinstance(mine, RpcFault), (document, refused)
    assert refusals > 100


def _is_about_structure(why):
    """Whether it is a bound of ethers' own: it takes neither a type within itself nor a domain of other members."""
    return "circular type" in why or "invalid typed-data domain key" in why


def _is_about_shape(fault):
    """Whether it is something that JavaScript lets pass: a number where an object belongs, a field named by one."""
    words = ("must be a list of", "must be an object", "is missing", "which types.EIP712Domain has not")
    return any(each in fault.message for each in words)
