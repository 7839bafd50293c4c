"""deploy, tx, call, accounts, inspect-diff and verify, against a node whose answers are written here.

What a real devnet does with them is tested in tests/integration/contracts.
"""

import json
from base64 import b64encode

import eth_abi
import pytest
from eth_hash.auto import keccak

from megaeth_cli.contracts.artifacts import Artifact, ArtifactStore
from megaeth_cli.errors import ExitStatus
from tests.support.scripted_node import Refusal, scripted_node

ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HASH = "0x" + "ab" * 32
CHAIN = 6343
TRANSFER = {
    "type": "function",
    "name": "transfer",
    "inputs": [{"type": "address", "name": "to"}, {"type": "uint256", "name": "value"}],
    "outputs": [{"type": "bool", "name": ""}],
    "stateMutability": "nonpayable",
}
ABI = [
    TRANSFER,
    {
        "type": "function",
        "name": "balanceOf",
        "inputs": [{"type": "address", "name": "account"}],
        "outputs": [{"type": "uint256", "name": ""}],
        "stateMutability": "view",
    },
    {"type": "error", "name": "TooLittle", "inputs": [{"type": "uint256", "name": "needed"}]},
    {
        "type": "event",
        "name": "Transfer",
        "inputs": [{"type": "address", "name": "to", "indexed": True}, {"type": "uint256", "name": "value"}],
    },
]
MEGA = {
    "computeGas": "0x5208",
    "storageGas": "0x9858",
    "dataSize": "0x96",
    "kvUpdates": "0x2",
    "stateGrowth": "0x1",
    "detained": False,
    "haltReason": None,
    "miniBlock": "0x7b",
    "miniBlockTimestamp": "0x1",
}


def receipt(status="0x1", **mega):
    log = {
        "address": TOKEN,
        "topics": ["0x" + keccak(b"Transfer(address,uint256)").hex(), "0x" + "0" * 24 + BOB[2:].lower()],
        "data": "0x" + f"{5:064x}",
    }
    return {
        "transactionHash": HASH,
        "status": status,
        "blockNumber": "0xc",
        "blockHash": "0x" + "ff" * 32,
        "from": ALICE.lower(),
        "to": TOKEN.lower(),
        "gasUsed": "0xea60",
        "effectiveGasPrice": "0xf4240",
        "logs": [log] if status == "0x1" else [],
        "mega": MEGA | mega,
    }


def block(number="0xc", **members):
    known = {
        "number": number,
        "hash": HASH,
        "parentHash": HASH,
        "gasLimit": hex(10**10),
        "baseFeePerGas": "0xf4240",
    }
    return {**known, "transactions": [], **members}


def transaction(**members):
    known = {
        "hash": HASH,
        "from": ALICE,
        "to": TOKEN,
        "input": "0x",
        "value": "0x0",
        "nonce": "0x3",
        "gas": "0xffff",
    }
    return {**known, **members}


ANSWERS = {
    "eth_chainId": hex(CHAIN),
    "eth_getTransactionCount": "0x3",
    "eth_getBlockByNumber": block(),
    "eth_gasPrice": "0xf4240",
    "eth_maxPriorityFeePerGas": "0x0",
    "eth_estimateGas": "0xea60",
    "eth_getCode": "0x6000",
    "eth_getBalance": hex(10**18),
    "realtime_sendRawTransaction": lambda raw: receipt(),
}


@pytest.fixture
def token(tmp_path):
    """A contract that an earlier `megaeth deploy` left behind."""
    store = ArtifactStore(tmp_path / "home" / "artifacts" / str(CHAIN))
    artifact = Artifact("Token", "Token.sol", TOKEN, HASH, ALICE, "solc", "hash", ABI, "0x6000")
    store.save(artifact)
    return artifact


@pytest.fixture
def against(megaeth, monkeypatch):
    """Run a command against a node that answers as usual, except for what the test says."""

    def call(*arguments, **answers):
        with scripted_node(**(ANSWERS | answers)) as node:
            monkeypatch.setenv("MEGAETH_RPC_URL", node.url)
            # A narrow terminal: nothing may be wrapped or cut for it.
            result = megaeth(*arguments, PATH="/nowhere", COLUMNS="20")
        return result, node

    return call


def test_a_call_by_name_is_sent_and_its_receipt_shown_with_both_kinds_of_gas(against, token):
    result, node = against("tx", "send", "Token", "transfer", BOB, "5")
    assert result.code == 0, result.err
    assert "60,000 = 21,000 compute + 39,000 storage" in result.out
    assert "12 (mini-block 123)" in result.out
    assert "0.00000006 ETH" in result.out
    assert f"Transfer(to: {BOB}, value: 5)" in result.out
    assert node.methods()[-1] == "realtime_sendRawTransaction"


CLONE = f"0x363d3d373d3d3d363d73{TOKEN[2:].lower()}5af43d82803e903d91602b57fd5bf3"
CLONES = [ALICE, BOB]
"""Two clones of Token, told apart by their addresses alone."""


@pytest.mark.parametrize("command", [("tx", "send", ALICE, "transfer"), ("tx", "show"), ("inspect-diff",)])
def test_who_emitted_a_log_is_told_with_the_proxy_that_it_is(against, token, command):
    kinds = {address.lower(): CLONE for address in CLONES}
    mined = receipt() | {"logs": [receipt()["logs"][0] | {"address": address.lower()} for address in CLONES]}
    more = (BOB, "5") if "send" in command else (HASH,)
    result, _ = against(
        *command,
        *more,
        eth_getCode=lambda address, tag: kinds.get(address.lower(), "0x6001"),
        realtime_sendRawTransaction=mined,
        eth_getTransactionByHash=transaction(to=ALICE.lower()),
        eth_getTransactionReceipt=mined,
        mega_getStateDiff=state_diff() | {"transactions": [HASH]},
    )
    assert result.code == 0, result.err
    for clone in CLONES:
        shown = " ".join(result.out.split())
        assert f"Token behind EIP-1167 clone {clone} Transfer(to: {BOB}, value: 5)" in shown


def test_a_deployment_says_which_library_it_was_linked_to(against, token, tmp_path):
    unlinked = f"0x6080__Token{'_' * 33}5b"
    file = tmp_path / "Till.json"
    file.write_text(
        json.dumps({"contractName": "Till", "abi": ABI, "bytecode": unlinked, "deployedBytecode": unlinked})
    )
    created = receipt() | {"to": None, "contractAddress": BOB.lower(), "logs": []}
    result, _ = against("deploy", file, realtime_sendRawTransaction=created)
    assert f"Token {TOKEN}" in " ".join(result.out.split("library")[-1].split()), result.err
    result, _ = against("deploy", file, "--json", realtime_sendRawTransaction=created)
    assert json.loads(result.out)["libraries"] == {"Token": TOKEN}


def test_advice_on_gas_detention_is_given_once(against, token):
    failed = receipt("0x0", detained=True, haltReason={"kind": "VolatileDataAccessOutOfGas"}, output="0x")
    for command in (("tx", "send", "Token", "transfer", BOB, "5"), ("tx", "show", HASH)):
        result, _ = against(
            *command,
            realtime_sendRawTransaction=failed,
            eth_getTransactionByHash=transaction(),
            eth_getTransactionReceipt=failed,
        )
        assert result.out.count("reading volatile data leaves a transaction") == 1


def test_a_call_comes_from_the_account_that_would_sign(against):
    def asked(*options):
        result, _ = against(
            "call",
            TOKEN,
            "me()(address)",
            *options,
            eth_call=lambda call, *_: "0x" + "00" * 12 + call["from"][2:],
        )
        assert result.code == 0, result.err
        return result.out.strip()

    assert asked() == ALICE
    assert asked("--from", "1") == BOB
    assert asked("--from", TOKEN) == TOKEN


def test_json_gives_the_receipt_with_numbers(against, token):
    result, _ = against("tx", "send", "Token", "transfer", BOB, "5", "--json")
    body = json.loads(result.out)
    assert (body["status"], body["blockNumber"], body["miniBlock"]) == (1, 12, 123)
    assert (body["gasUsed"], body["computeGas"], body["storageGas"]) == (60_000, 21_000, 39_000)
    assert body["logs"][0]["event"] == "Transfer"
    assert body["logs"][0]["arguments"] == {"to": BOB, "value": "5"}


def test_a_node_without_the_realtime_method_is_polled_for_the_receipt(against):
    seen = iter([None, None, receipt()])
    result, node = against(
        "tx",
        "send",
        "--to",
        BOB,
        "--value",
        "1ether",
        realtime_sendRawTransaction=Refusal(-32601, "no such method"),
        eth_sendRawTransaction=HASH,
        eth_getTransactionReceipt=lambda _: next(seen),
    )
    assert result.code == 0, result.err
    assert node.methods().count("eth_getTransactionReceipt") == 3


def test_without_waiting_only_the_hash_is_printed(against):
    result, node = against("tx", "send", "--to", BOB, "--no-wait", eth_sendRawTransaction=HASH)
    assert result.code == 0
    assert result.out.startswith("0x") and len(result.out.strip()) == 66
    assert "realtime_sendRawTransaction" not in node.methods()


def test_what_would_fail_is_not_sent_and_its_custom_error_is_decoded(against, token):
    data = "0x" + keccak(b"TooLittle(uint256)")[:4].hex() + f"{9:064x}"
    result, node = against(
        "tx",
        "send",
        "Token",
        "transfer",
        BOB,
        "5",
        eth_estimateGas=Refusal(3, "execution reverted", data=data),
    )
    assert result.code == ExitStatus.FAILURE
    assert "it would fail: reverted: TooLittle(needed: 9)" in result.err
    assert "realtime_sendRawTransaction" not in node.methods()


def test_a_halt_in_the_estimate_is_explained_with_numbers(against, token):
    halt = {"kind": "ComputeGasLimitExceeded", "limit": "0xbebc200", "actual": "0xbebc201"}
    refusal = Refusal(-32000, "compute gas limit exceeded", mega=MEGA | {"haltReason": halt})
    result, _ = against("tx", "send", "Token", "transfer", BOB, "5", eth_estimateGas=refusal)
    assert result.code == ExitStatus.FAILURE
    assert "limit 200,000,000, actual 200,000,001" in result.err
    assert "split the computation" in result.err


@pytest.mark.parametrize(
    ("mega", "shown"),
    [
        (
            {"output": "0x" + keccak(b"TooLittle(uint256)")[:4].hex() + f"{9:064x}"},
            "reverted: TooLittle(needed: 9)",
        ),
        (
            {"haltReason": {"kind": "VolatileDataAccessOutOfGas", "limit": "0x1", "actual": "0x2"}},
            "gas detention",
        ),
    ],
)
def test_a_failed_transaction_shows_why_and_exits_with_1(against, token, mega, shown):
    result, _ = against(
        "tx",
        "send",
        "Token",
        "transfer",
        BOB,
        "5",
        "--gas-limit",
        "100000",
        realtime_sendRawTransaction=lambda raw: receipt("0x0", **mega),
        eth_getTransactionByHash=transaction(),
    )
    assert result.code == ExitStatus.FAILURE
    assert shown in result.out


def test_an_account_that_cannot_pay_is_told_what_it_has(against):
    refusal = Refusal(-32003, "insufficient funds for gas * price + value: have 1 want 2")
    result, _ = against("tx", "send", "--to", BOB, "--value", "5ether", eth_estimateGas=refusal)
    assert result.code == ExitStatus.FAILURE
    assert f"{ALICE} cannot pay for this" in result.err
    assert "it has 1 ETH; the transaction carries 5 ETH" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Nothing", "transfer"], "no contract is called 'Nothing'"),
        (["Tokn", "transfer"], "did you mean Token?"),
        (["Token", "transfr", BOB, "5"], "Token has no function transfr"),
        (["Token", "transfer(address)", BOB], "Token has no function transfer(address)"),
        (["Token", "transfer(addres)", BOB], "not a function signature"),
        (["Token", "transfer", BOB], "takes 2 arguments, not 1"),
        (
            ["Token", "transfer", BOB, "many"],
            "argument 2 (uint256 value) of transfer: 'many' is not a number",
        ),
        (["Token", "transfer", BOB, "-5"], "argument 2 (uint256 value) of transfer: -5 is out of range"),
        (["Token", "transfer", "0x12", "5"], "argument 1 (address to) of transfer: 0x12 has 1 bytes"),
        (["Token", "transfer", BOB, "5", "--value", "1"], "transfer(address,uint256) takes no ether"),
        (["0x1234", "transfer"], "an address has 20"),
        ([BOB, "transfer", "1"], "the ABI of"),
        (["Token", "transfer", BOB, "5", "--from", "0x" + "11" * 20], "no key for"),
        (["Token", "transfer", BOB, "5", "--private-key", "0x12"], "--private-key is not a private key"),
        (["Token", "transfer", BOB, "5", "--value", "much"], "--value: 'much' is not a number"),
        (["Token", "transfer", BOB, "5", "--value", "1.5"], "did you mean 1.5ether?"),
        (["Token", "transfer", BOB, "5", "--value", ".5"], "did you mean .5ether?"),
        (["Token", "transfer", BOB, "5", "--gas-limit", "-1"], "--gas-limit"),
        (["Token", "event Transfer(address)", BOB], "is no function"),
        (["Token", "transfer", BOB, "5", "--access-list", "[1]"], "--access-list is not an access list"),
        (["--to", BOB, "--nonce", "-1"], "'-1'"),
        (["--to", BOB, "--data", "0x1"], "--data: '0x1' has an odd number"),
        ([], "say where to send"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_that_names_what_is_wrong(against, token, arguments, message):
    result, node = against("tx", "send", *arguments)
    assert result.code == ExitStatus.USAGE
    assert message in result.err
    assert "realtime_sendRawTransaction" not in node.methods()


def test_a_contract_whose_chain_was_reset_is_not_called(against, token):
    result, _ = against("tx", "send", "Token", "transfer", BOB, "5", eth_getCode="0x")
    assert result.code == ExitStatus.FAILURE
    assert "Token is not on this chain" in result.err
    assert "megaeth deploy Token.sol:Token" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["tx", "send", "--to", BOB],
        ["call", BOB, "f()(uint256)"],
        ["accounts"],
        ["inspect-diff"],
        ["verify", "block"],
        ["tx", "show", HASH],
    ],
)
def test_without_a_devnet_every_command_says_how_to_start_one(megaeth, arguments):
    result = megaeth(*arguments, "--rpc-url", "http://127.0.0.1:1")
    assert result.code == ExitStatus.NOT_RUNNING
    assert "megaeth devnet up" in result.err


def test_call_decodes_by_the_abi_or_by_the_signature(against, token):
    answer = {"eth_call": "0x" + f"{10**18:064x}"}
    assert against("call", "Token", "balanceOf", BOB, **answer)[0].out == "1000000000000000000\n"
    result, _ = against("call", BOB, "f()(uint256 a,bool b)", eth_call="0x" + f"{7:064x}{1:064x}")
    assert result.out == "a: 7\nb: true\n"


def test_the_result_types_of_a_signature_win_over_those_of_the_abi(against, token):
    answer = {"eth_call": "0x" + "6d6b72".ljust(64, "0")}
    result, _ = against("call", "Token", "balanceOf(address)(bytes32)", BOB, **answer)
    assert result.out == "0x" + "6d6b72".ljust(64, "0") + "\n"
    assert against("call", "Token", "balanceOf(address)", BOB, **answer)[0].out.strip().isdigit()


def test_call_gives_json(against, token):
    encoded = eth_abi.encode(["(address,string)[]"], [[(BOB, "x")]])
    result, _ = against("call", BOB, "f()((address who,string s)[])", "--json", eth_call=f"0x{encoded.hex()}")
    assert json.loads(result.out)["result"] == [{"who": BOB, "s": "x"}]


def test_call_reads_at_a_block(against, token):
    _, node = against("call", "Token", "balanceOf", BOB, "--block", "17", eth_call="0x" + "00" * 32)
    assert node.asked[-1][1][1] == "0x11"


def test_call_without_limits_says_so_to_the_node(against, token):
    _, node = against("call", "Token", "balanceOf", BOB, "--unlimited", eth_call="0x" + "00" * 32)
    assert node.asked[-1][1][1:] == ["latest", {}, {"unlimited": True}]


def test_call_of_an_address_without_code_is_an_error(against, token):
    result, _ = against("call", BOB, "f()(uint256)", eth_call="0x", eth_getCode="0x")
    assert result.code == ExitStatus.FAILURE
    assert f"there is no contract at {BOB}" in result.err


def test_a_result_of_another_type_is_an_error(against, token):
    result, _ = against("call", BOB, "f()(string)", eth_call="0x" + f"{7:064x}")
    assert result.code == ExitStatus.FAILURE
    assert "is no (string)" in result.err


def test_a_key_of_a_keystore_signs(against, tmp_path):
    from eth_keyfile.keyfile import create_keyfile_json

    key = bytes.fromhex("11" * 32)
    (tmp_path / "key.json").write_text(
        json.dumps(create_keyfile_json(key, b"secret", kdf="pbkdf2", iterations=1))
    )
    (tmp_path / "password").write_text("secret\n")
    options = ["--keystore", "key.json", "--password-file", "password"]
    result, node = against("tx", "send", "--to", BOB, *options)
    assert result.code == 0, result.err
    assert node.asked[1][1] == ["0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a", "pending"]
    (tmp_path / "password").write_text("wrong")
    result, _ = against("tx", "send", "--to", BOB, *options)
    assert "does not open" in result.err


def test_a_private_key_on_the_command_line_is_warned_about(against):
    result, _ = against("tx", "send", "--to", BOB, "--private-key", "0x" + "11" * 32)
    assert "shell's history" in result.err
    assert "11" * 32 not in result.err + result.out


def test_a_refused_transaction_says_what_to_do(against):
    result, _ = against(
        "tx",
        "send",
        "--to",
        BOB,
        "--nonce",
        "0",
        realtime_sendRawTransaction=Refusal(-32000, "nonce too low"),
    )
    assert result.code == ExitStatus.RPC
    assert "leave --nonce out" in result.err


def test_tx_show_explains_a_transaction(against, token):
    data = keccak(b"transfer(address,uint256)")[:4] + eth_abi.encode(["address", "uint256"], [BOB, 5])
    sent = transaction(input=f"0x{data.hex()}")
    answers = {"eth_getTransactionByHash": sent, "eth_getTransactionReceipt": receipt()}
    result, _ = against("tx", "show", HASH, **answers)
    assert result.code == 0, result.err
    assert f"transfer(to: {BOB}, value: 5)" in result.out
    assert f"Token {TOKEN}" in result.out
    assert "not yet (its EVM block is still open)" in result.out
    body = json.loads(against("tx", "show", HASH, "--json", **answers)[0].out)
    assert body["call"]["arguments"] == {"to": BOB, "value": "5"}


@pytest.mark.parametrize(("hash_", "message"), [("0x12", "not a transaction hash"), (HASH, "no transaction")])
def test_tx_show_of_what_does_not_exist_is_an_error(against, hash_, message):
    result, _ = against("tx", "show", hash_, eth_getTransactionByHash=None, eth_getTransactionReceipt=None)
    assert result.code != 0
    assert message in result.err


def test_accounts_lists_the_dev_accounts(against):
    result, _ = against("accounts", "--json")
    accounts = json.loads(result.out)
    assert len(accounts) == 10
    assert accounts[1] == {"index": 1, "address": BOB, "balanceWei": str(10**18), "nonce": 3}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["Nothing.sol"], ExitStatus.USAGE, "no such file"),
        (["README.md"], ExitStatus.USAGE, "not a source file"),
        (["A.sol", "--solc", "/nonexistent/solc"], ExitStatus.COMPILE, "is not a Solidity compiler"),
        (["A.vy"], ExitStatus.COMPILE, "vyper is not installed"),
    ],
)
def test_what_cannot_be_compiled_is_not_deployed(against, tmp_path, arguments, code, message):
    (tmp_path / "A.sol").write_text("contract A {}")
    (tmp_path / "A.vy").write_text("")
    result, node = against("deploy", *arguments)
    assert result.code == code
    assert message in result.err
    assert "realtime_sendRawTransaction" not in node.methods()


def state_diff(**members):
    known = {"kind": "block", "blockNumber": "0x1", "blockHash": HASH, "miniBlocks": ["0x1", "0x2"]}
    return {**known, "transactions": [], "accounts": [], **members}


def test_inspect_diff_latest_looks_back_to_the_newest_block_with_transactions(against):
    def diff(which, _):
        number = 9 if which == "latest" else int(which, 16)
        transactions = [HASH] if number == 4 else []
        return state_diff(blockNumber=hex(number), transactions=transactions)

    result, _ = against(
        "inspect-diff",
        "--json",
        mega_getStateDiff=diff,
        eth_getBlockByNumber=lambda number, _: block(number, transactions=[HASH] if number == "0x4" else []),
        eth_getTransactionByHash=transaction(to=BOB),
        eth_getTransactionReceipt=receipt(),
    )
    assert json.loads(result.out)["blockNumber"] == 4


@pytest.mark.parametrize(
    ("what", "parameter"),
    [("17", "0x11"), ("0x11", "0x11"), ("mini:300", {"miniBlock": "0x12c"}), (HASH, HASH)],
)
def test_inspect_diff_takes_transactions_blocks_and_mini_blocks(against, what, parameter):
    result, node = against("inspect-diff", what, mega_getStateDiff=state_diff())
    assert result.code == 0, result.err
    assert node.asked[0] == ("mega_getStateDiff", [parameter, {"preimages": True}])


def test_inspect_diff_tells_whom_an_account_delegates_to_and_did_before(against, token):
    def account(code):
        return {"nonce": "0x1", "balance": "0x0", "codeHash": "0x" + keccak(bytes.fromhex(code)).hex()}

    old, new = (f"ef0100{address[2:].lower()}" for address in (BOB, TOKEN))
    changed = {"address": ALICE.lower(), "before": account(old), "after": account(new), "storage": []}
    answers = {
        "mega_getStateDiff": state_diff(blockNumber="0x5", transactions=[HASH], accounts=[changed]),
        "eth_getTransactionByHash": transaction(authorizationList=[{"address": TOKEN.lower()}]),
        "eth_getTransactionReceipt": receipt(),
        "eth_getCode": lambda address, tag: {"0x4": f"0x{old}"}.get(tag, "0x"),
    }
    result, _ = against("inspect-diff", "5", **answers)
    assert f"code     delegates to {BOB} -> delegates to Token {TOKEN}" in result.out
    result, _ = against("inspect-diff", "5", "--json", **answers)
    [shown] = json.loads(result.out)["accounts"]
    assert shown["delegatesTo"] == {"before": BOB, "after": TOKEN}


@pytest.mark.parametrize("what", ["banana", "mini:x", "-1", "0x12zz"])
def test_inspect_diff_of_nonsense_is_a_usage_error(against, what):
    assert against("inspect-diff", "--", what)[0].code == ExitStatus.USAGE


def test_inspect_diff_needs_a_node_that_gives_diffs(against):
    result, _ = against("inspect-diff", "5")
    assert result.code == ExitStatus.FAILURE
    assert "gives no state diffs" in result.err


def verifying(monkeypatch, *oks):
    outcomes = iter(oks)

    def verify(block, parent, witness, codes, records, rules, *, by_diffs):
        number = json.loads(block)["number"]
        checks = [{"name": "parent link", "ok": True}, {"name": "gas used", "ok": next(outcomes)}]
        checks[1] |= {"expected": "0x6", "actual": "0x5"}
        return json.dumps({"block": number, "hash": HASH, "ok": checks[1]["ok"], "checks": checks}).encode()

    monkeypatch.setattr("devnet._engine.verify_stateless", verify)
    monkeypatch.setattr("devnet._engine.witness_code_hashes", lambda witness: [])
    return {
        "eth_blockNumber": "0x7",
        "eth_getBlockByNumber": lambda number, _: block(number),
        "eth_getBlockByHash": block(),
        "mega_getBlockWitness": "v0:" + b64encode(b"a witness").decode(),
        "mega_getChainRules": {"chainId": 6343, "spec": "rex6"},
    }


def test_verify_block_prints_a_table_of_checks(against, monkeypatch):
    result, _ = against("verify", "block", "latest", **verifying(monkeypatch, True))
    assert result.code == 0, result.err
    assert result.out.splitlines()[0] == f"block 7 {HASH}"
    assert "parent link" in result.out and "gas used" in result.out
    assert "block 7 is what it claims to be" in result.err


def test_verify_of_the_latest_takes_the_newest_block_with_transactions(against, monkeypatch):
    def latest(number):
        return state_diff(blockNumber=number, transactions=[HASH])

    answers = verifying(monkeypatch, True)
    result, _ = against("verify", "block", **answers, mega_getStateDiff=latest("0x5"))
    assert result.out.splitlines()[0] == f"block 5 {HASH}"
    assert "block 5 is the newest with transactions; those after it, up to 7, are empty" in result.err
    # One that is still open is waited for.
    sealed = iter(["0x7", "0x7", "0x8"])
    answers = verifying(monkeypatch, True) | {"eth_blockNumber": lambda: next(sealed)}
    result, _ = against("verify", "block", **answers, mega_getStateDiff=latest("0x8"))
    assert result.out.splitlines()[0] == f"block 8 {HASH}"


def test_verify_block_fails_with_the_first_difference(against, monkeypatch):
    result, _ = against("verify", "block", "5", **verifying(monkeypatch, False))
    assert result.code == ExitStatus.FAILURE
    assert "block 5 is wrong" in result.err
    assert "gas used\n    claimed:  0x5\n    computed: 0x6" in result.err


def test_verify_needs_a_node_that_gives_witnesses(against, monkeypatch):
    answers = verifying(monkeypatch)
    del answers["mega_getBlockWitness"]
    result, _ = against("verify", "block", "5", **answers)
    assert result.code == ExitStatus.FAILURE
    assert "gives no witnesses of blocks" in result.err


def test_verify_of_a_range_stops_at_the_first_block_that_is_wrong(against, monkeypatch):
    answers = verifying(monkeypatch, True, False, True)
    result, _ = against("verify", "block", "--range", "2..latest", "--json", **answers)
    assert result.code == ExitStatus.FAILURE
    assert [(one["block"], one["ok"]) for one in json.loads(result.out)] == [(2, True), (3, False)]


@pytest.mark.parametrize("range_", ["5", "7..3", "a..b"])
def test_verify_of_no_range_is_a_usage_error(against, monkeypatch, range_):
    assert against("verify", "block", "--range", range_)[0].code == ExitStatus.USAGE


def test_a_witness_that_is_none_cannot_be_checked(against, monkeypatch):
    answers = verifying(monkeypatch, True) | {"mega_getBlockWitness": "v0:not base64!"}
    result, _ = against("verify", "block", "5", **answers)
    assert result.code == ExitStatus.FAILURE
    assert "the witness cannot be read" in result.err


def test_verify_of_an_unknown_block_is_an_error(against, monkeypatch):
    answers = verifying(monkeypatch) | {"eth_getBlockByNumber": None}
    result, _ = against("verify", "block", "99", **answers)
    assert result.code == ExitStatus.FAILURE
    assert "there is no block 99" in result.err
