"""The engine's face, as Python sees it (written in Rust: `engine/src/python/`).

Rules that hold for every call: bytes in and bytes out; hashes are 32 bytes, addresses 20, keys 32; anything that takes
time releases the GIL; a failure inside the engine raises `EngineError` and never takes the process down.
"""

from typing import Final, Literal, Protocol, final

__version__: Final[str]

class EngineError(Exception):
    """The engine can't go on, or was used against its rules: the message says which."""

class RpcError(Exception):
    """A JSON-RPC error that a method answered."""

    code: int
    message: str
    data: bytes | None
    """JSON of the error's `data` member."""
    mega: bytes | None
    """JSON object of the error's `mega` member."""

    def to_json(self) -> bytes:
        """The whole error object as JSON."""

class BadData(Exception):
    """A record that a follower was given is not what it must be; nothing of it was applied."""

    kind: Literal[
        "malformed",
        "size",
        "order",
        "parent",
        "signature",
        "seal",
        "roots",
        "diff",
        "header",
        "execution",
        "equivocation",
    ]
    reason: str
    evidence: list[bytes]
    """For `equivocation`: our record and the other one, both signed by the sequencer."""
    index: int
    """Its place among the records given."""
    applied: list[SealedMini | SealedBlock | None]
    """What became of those before it: they *are* applied."""

class Archive(Protocol):
    """What is older than the engine's memory. Called only on a miss, from any thread."""

    def tx_location(self, tx_hash: bytes, /) -> tuple[int, int] | None:
        """Mini-block number and index within it."""

    def block_number(self, block_hash: bytes, /) -> int | None:
        """Number of the block with this hash."""

    def block(self, number: int, /) -> bytes | None:
        """The block's record."""

    def mini(self, number: int, /) -> bytes | None:
        """The mini-block's record."""

    def blocks(self, first: int, last: int, /) -> list[bytes]:
        """The records of blocks from one to another, up to the first that is missing."""

    def minis(self, first: int, last: int, /) -> list[bytes]:
        """Likewise of mini-blocks."""

    def value_at(self, key: bytes, block: int, /) -> bytes | None:
        """The value that `key` had at the end of `block` if an archived later block changed it; empty when absent.
        LookupError: the log begins later by now."""

    def tx_total(self, block: int, /) -> int | None:
        """How many transactions the chain holds up to the end of a block; None where the log does not know."""

    def code(self, code_hash: bytes, /) -> bytes | None:
        """Contract code by its hash."""

    def begins_after(self) -> tuple[int, int] | None:
        """The last mini-block and block of the snapshot that the log begins after; None: it begins with the chain."""

@final
class SealedMini:
    """A mini-block that the builder has sealed; not visible to anyone before `Engine.durable`."""

    number: int
    block: int
    index: int
    timestamp_us: int
    tx_count: int
    record: bytes
    tx_hashes: list[bytes]

    def __init__(
        self, number: int, block: int, index: int, timestamp_us: int, record: bytes, tx_hashes: list[bytes]
    ) -> None:
        """One that nobody has sealed."""

@final
class SealedBlock:
    """An EVM block that the builder has sealed."""

    number: int
    hash: bytes
    record: bytes
    undo: list[tuple[bytes, bytes]]
    """Plain key and the value it had before this block; empty = absent. Likewise the metadata of buckets of the state
    commitment that grew, under their numbers (4 bytes)."""
    nodes: bytes
    """The nodes of the state commitment that it changed, in rows of 72 bytes: number (8, big-endian) and commitment
    (64; zeros where there is none any more). Empty where the commitment isn't followed."""

    def __init__(
        self, number: int, hash: bytes, record: bytes, undo: list[tuple[bytes, bytes]], nodes: bytes
    ) -> None:
        """One that nobody has sealed."""

@final
class Rewind:
    """What it takes to go back to an earlier place; good for the chain as it stood when it was made."""

    minis: int
    """How many mini-blocks stay."""
    block: int
    """The last block that stays as a whole."""
    values: list[tuple[bytes, bytes]]
    """Plain keys and SALT's buckets that have changed since that block, with what they were at its end."""
    codes: list[bytes]
    """Hashes of the codes that came since that block."""
    tx_hashes: list[bytes]
    """Of the transactions that go."""
    blocks: list[tuple[int, bytes, list[bytes]]]
    """Number and hash of the blocks that go, and the keys that each has written."""
    busy: list[tuple[int, int]]
    """Number and block of the mini-blocks since that block that have transactions, also those that stay."""

@final
class StateDump:
    """All accounts of a state that stands still while the chain goes on, part by part, in the order of their addresses.
    Each part is given once, in either form."""

    block: int
    """The EVM block that the state belongs to; it may be open."""
    mini: int | None
    """The mini-block after which the state is; None before the first."""

    def json(self, is_first: bool) -> bytes | None:
        """The next part as members of anvil's `accounts`, after a comma unless it `is_first`."""

    def pieces(self) -> list[bytes] | None:
        """The next part in pieces, each for one intervention: `setAccounts`."""

@final
class StateContents:
    """The accounts of a state file, checked as a whole."""

    accounts: int
    slots: int

    @staticmethod
    def from_json(text: bytes) -> StateContents:
        """In anvil's form. `ValueError` says what is wrong, and where."""

    @staticmethod
    def from_pieces(pieces: list[bytes]) -> StateContents:
        """In pieces. `ValueError` as before."""

    def pieces(self, writes: int = 1_000, size: int = 131_072) -> list[bytes]:
        """Each for one intervention, of so many accounts and slots, and so many bytes, at most; a larger code has a
        piece to itself. They may be made in any order."""

@final
class Engine:
    """One chain: its state, pool, builder and JSON-RPC answers."""

    def __init__(self, config: bytes, archive: Archive) -> None:
        """Builds the genesis state and block 0 from a JSON configuration."""

    def genesis_hash(self) -> bytes:
        """Hash of block 0."""

    def rules(self) -> bytes:
        """What a stateless check must know of the chain: `mega_getChainRules`, as JSON."""

    def load_state(self, entries: list[tuple[bytes, bytes]], codes: list[bytes]) -> None:
        """Before `start`: a chunk of a state snapshot."""

    def fork_question(self, timeout_ms: int) -> tuple[int, str, str] | None:
        """Of a forked chain: the next question for the remote (its number, a method, parameters in JSON). None after
        the timeout, and at once where there is none to come."""

    def fork_answer(self, question: int, result: bytes) -> None:
        """What the remote has answered, in JSON."""

    def fork_failure(self, question: int, code: int, message: str, data: bytes | None = None) -> None:
        """Why there is no answer; `data` in JSON. Who waits for it is told."""

    def load_nodes(self, rows: bytes) -> None:
        """Before `load_tip`: nodes of the state commitment at the snapshot's block, over those of genesis."""

    def load_tip(self, block_record: bytes) -> bool:
        """Before `start`: the block at which the snapshot was taken. Whether the state commitment's nodes had to be
        computed, so that `nodes` should be kept."""

    def nodes(self) -> bytes:
        """Right after `load_tip`: all nodes of the state commitment, in rows of 72 bytes."""

    def load_mini(self, record: bytes) -> None:
        """Before `start`: the next mini-block of the log after the snapshot."""

    def load_block(self, record: bytes, nodes: bytes | None = None) -> None:
        """Before `start`: the block that closes the mini-blocks loaded before it, with its `SealedBlock.nodes` where
        they are kept: then they are not computed again."""

    def start(self) -> None:
        """From idle, as an engine is at first: builds where the chain stands. `EngineError`: it is not idle, or what it
        built or applied before is not durable."""

    def follow(self, verify: str = "proofs") -> None:
        """From idle: builds nothing, takes `apply`. `proofs`: signatures, order, digests and roots are checked.
        `roots`: also each block's state root. `reexecute`: also every transaction. Methods that send transactions
        become foreign to `submit`, and those that wait are dropped. `EngineError`: as of `start`."""

    def halt(self, patience_ms: int | None = None) -> None:
        """Back to idle: seals what is open, or finishes what is being applied. What was sealed goes on coming by
        `next_sealed` until that is closed. `patience_ms`: how long to wait for all of it to be durable; 2 s if not
        said."""

    def lead_as(self, term: int, key: bytes) -> None:
        """From idle: what is built from now on is sealed in this term with this key. `EngineError`: it is not idle."""

    def set_leaders(self, leaders: list[tuple[int, int, bytes]]) -> None:
        """Who led which part of the chain: the first mini-block of each part, the term, and the address of the key.
        Mini-blocks of others are refused; with an empty list, mini-blocks that name a leader."""

    def hand_over(self) -> list[bytes]:
        """From idle, before `follow`: takes what waits out of the pool, raw, each sender's by nonce, for who builds
        from now on. Who waits for a receipt goes on waiting; nothing is admitted any more."""

    def sign(self, digest: bytes) -> bytes:
        """A digest signed by the key that signs mini-blocks: r, s and v, 65 bytes."""

    def sequencer(self) -> bytes:
        """The address of who may sign mini-blocks, by the newest state."""

    def plan_rewind(self, minis: int) -> Rewind:
        """From idle: what it takes to go back to a chain of so many mini-blocks. Changes nothing. `EngineError`: there
        is no such place, what was there isn't known any more, or the engine is not idle."""

    def rewind(self, plan: Rewind) -> None:
        """From idle: goes back; the store has to follow before anything is built. Transactions that wait stay. After an
        `EngineError` the engine is good for nothing."""

    def apply(self, records: list[tuple[bytes, bool]]) -> list[SealedMini | SealedBlock | None]:
        """Records in the order of the log, each a mini-block's or (`True`) a block's: checks them on all cores, applies
        mini-blocks, closes blocks. `None`: it was applied already. Raises `BadData` for the first that is wrong, of
        which nothing is applied; `BadData.applied` has what became of those before it. Like what is sealed, what is
        applied is visible after `durable`."""

    def state_root(self) -> bytes:
        """Before `start` and `follow`: the root of the state at the newest sealed block, computed and checked against
        its header when it was loaded."""

    def dump_state(self) -> StateDump:
        """The newest visible state, whatever the engine does."""

    def differing(self, contents: StateContents) -> tuple[StateContents, list[str]]:
        """What of it is not in the newest visible state, and whose accounts would have to be other than the chain
        itself needs them: those are left out."""

    def stop(self) -> None:
        """Refuses what comes, halts, answers everybody who waits."""

    def next_sealed(self, timeout_ms: int, linger_ms: int = 0) -> list[SealedMini | SealedBlock] | None:
        """What was sealed since the last call, in order; empty after the timeout, `None` when closed. Mini-blocks
        without transactions may wait up to `linger_ms` for company; anything else comes at once."""

    def durable(self, mini: int, block: int) -> None:
        """Everything up to this mini-block and this block is on disk: shows it and answers those who wait for it."""

    def hear_console(self, on: bool) -> None:
        """From now on what meets the account of `console.log` is kept for `next_console`, or no more, as at first."""

    def next_console(
        self, timeout_ms: int
    ) -> tuple[list[tuple[bytes | str, list[tuple[bytes, bytes]], int]], int, str | None] | None:
        """What was told next, executed again here: for each execution a transaction's hash or a method's name, who
        called the console with which calldata, and how many more such calls there were; then how many executions found
        no place in the queue, and why what is here may not be all. Nothing after the timeout, `None` when the engine
        is stopped."""

    def validated_block(self) -> int | None:
        """The newest block that a stateless validator has reported; None: none has."""

    def validates_after(self, block: int, hash: bytes) -> None:
        """This node has a validator of its own, which checks what lies behind this block."""

    def set_verified(self, block: int) -> None:
        """Enough provers vouch for everything up to this block: `safe` and `finalized` reach it. Never back. May be
        called as soon as the chain is restored."""

    def block_claim(self, number: int) -> bytes | None:
        """What provers vouch for, 4 x 32 bytes: block hash, parent's state root, state root, digest of the net diff;
        `None` for genesis and for what isn't visible."""

    def submit(self, body: bytes, token: int) -> bytes | memoryview | bool:
        """A whole request body. Bytes, or a view of the engine's own if they are many: the response (empty: nothing to
        answer). `True`: it comes through `completions` under `token`. `False`: some method in it is Python's."""

    def submit_http(self, message: bytes, token: int) -> bytes | memoryview | bool:
        """What arrived on an HTTP connection, if it is one whole request with a known head; then like `submit`, and all
        answers, now or later, with the head of a response. Otherwise `False`."""

    def submit_ws(self, data: bytes, token: int) -> bytes | memoryview | bool:
        """What arrived on a WebSocket, if it is one whole message; then like `submit`, and all answers, now or later,
        in a frame (empty: nothing to answer). Otherwise `False`."""

    def learn_head(self, message: bytes, length: int) -> None:
        """From now on `submit_http` knows the head of this whole request, whose body is `length` bytes long: a plain
        POST of JSON-RPC on a connection that goes on, from somebody who may."""

    def submit_one(self, method: str, params: bytes, id: bytes, token: int) -> bytes | memoryview | bool:
        """One request of a batch that Python has split; like `submit`, with the id as JSON (empty: a notification)."""

    def cancel(self, connection: int) -> None:
        """Nobody waits any more for what came under the tokens of a connection, whose number is their last 24 bits: its
        calls end, and are answered with an error. Transactions go on."""

    def completions(self) -> list[tuple[int, bytes | memoryview]]:
        """Responses that were finished since the last call, with their tokens; never waits. The memory of a view counts
        as work for as long as the view lives."""

    def wakeup_fd(self) -> int:
        """A file descriptor that is readable while there are completions. The engine's: neither read nor close it."""

    def call(self, method: str, params: bytes) -> bytes:
        """One method, waiting for its result (JSON). Raises `RpcError`."""

    def call_at_once(self, method: str, params: bytes) -> bytes | None:
        """The result of a method (JSON), if it takes next to no time; None: it has to be called. Raises `RpcError`."""

    def methods(self) -> list[str]:
        """What `call` and `submit` answer."""

    def mini_json(self, number: int) -> bytes:
        """`params.result` of a `miniBlocks` notification."""

    def head_json(self, block: int) -> bytes:
        """`params.result` of a `newHeads` notification."""

    def logs_json(self, filter: bytes, mini: int) -> list[bytes]:
        """`params.result` of each `logs` notification that this mini-block causes."""

    def state_changes_json(self, mini: int, addresses: list[bytes]) -> list[bytes]:
        """`params.result` of each `stateChanges` notification that this mini-block causes."""

    def pending_hashes(self, cursor: int) -> tuple[int, list[bytes]]:
        """Hashes of the transactions that the pool has admitted since `cursor`, and the next cursor."""

    def load_native(self, code_hash: bytes, object: bytes) -> None:
        """Runs the contracts with this code hash by object code from now on. `EngineError`: refused, and why."""

    def native_code(self, code_hash: bytes) -> bytes | None:
        """The bytecode with this hash, if a contract has it."""

    def native_candidates(self, limit: int) -> list[tuple[bytes, int, int]]:
        """Code hash, gas interpreted, calls of the contracts without native code, most gas first. Counted from the
        first question on."""

    def native_wait(self, seconds: float) -> bool:
        """Waits until more was interpreted than `native_candidates` or this has told of; False: the time is out."""

    def native_watch(self, code_hash: bytes) -> None:
        """Counts from now on which instructions of a contract the interpreter executes."""

    def native_seen(self, code_hash: bytes) -> bytes | None:
        """How often each was executed of a watched contract, by pc: 32 bits each, little-endian."""

    def native_unwatch(self, code_hash: bytes) -> None:
        """Counts it no longer."""

    def native_missing(self, limit: int) -> list[tuple[bytes, int]]:
        """Code hash and gas of the contracts whose native code left at what was not compiled: the gas that the
        interpreter spent from there on, most first.
        """

    def native_status(self) -> bytes:
        """JSON per contract with native code: `[{"codeHash", "size", "runs", "nativeGas", "leaves", "timedNativeGas",
        "timedNativeNanos", "interpretedRuns", "interpretedGas", "missedGas", "timedInterpretedGas",
        "timedInterpretedNanos"}]`; the timed are a sample of the runs, the missed is interpreted gas behind native code
        that left at what was not compiled."""

    def metrics(self) -> dict[str, int]:
        """Counters and gauges."""

    def pipeline(self) -> bytes:
        """JSON: how many transactions are in front of each stage and how long each takes, since the start:
        `{"stages": [{"name", "depth", "capacity", "count", "sum_ns", "max_ns", "buckets": [[upper_ns, count], ...]}],
        "intervals": {"target_us", "on_time", "count", "sum_ns", "max_ns", "buckets", "late": {cause: {"count",
        "sum_ns", "max_ns", "buckets"}}}}` (without intervals where nothing is built)."""

    def published(self, sealed_us: int) -> None:
        """Subscribers have been told of the mini-block that was sealed then (microseconds since 1970)."""

def forge(
    kind: Literal["diff", "receipt", "equivocation", "root", "relink"],
    record: bytes,
    *,
    key: bytes | None = None,
    leader: bytes | None = None,
    gas_before: int = 0,
    minis: list[bytes] = ...,
    parent_hash: bytes | None = None,
) -> bytes:
    """A record that lies and bears the sequencer's valid signatures. Mini-blocks: `diff`, `receipt` (with the block's
    gas before it), `equivocation`. Blocks: `root`, `relink`, `receipt` (with all its mini-blocks' records as they lie).
    `ValueError`: there is nothing to lie about. Without a key the devnet's default one signs. `leader`: the key that
    mini-blocks are sealed with, if it is another."""

def fold_diffs(records: list[bytes]) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """What mini-block and block records, in order, amount to: (key, last value), with plain keys sorted and behind
    them the buckets of the state commitment that grew (4 bytes, their metadata); (code hash, code)."""

def index_records(records: list[bytes]) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """What the log's indices hold of mini-block and block records: hashes of transactions; hashes of blocks; the plain
    keys that the mini-blocks changed, and the buckets of the state commitment that grew (4 bytes)."""

def sign_transaction(key: bytes, tx_json: bytes) -> tuple[bytes, bytes]:
    """Signs a transaction object (JSON-RPC names; type by `type` or by its fields); raw bytes and hash."""

def sign_transfers(
    keys: list[bytes],
    nonces: list[int],
    recipients: list[bytes],
    count: int,
    *,
    chain_id: int,
    value: int = 1,
    gas_limit: int = 60_000,
    max_fee_per_gas: int = 2_000_000,
    max_priority_fee_per_gas: int = 0,
    data: bytes | list[bytes] = b"",
) -> list[bytes]:
    """Signs `count` type 2 calls on all cores, round-robin over `keys` (and over `recipients`, and over a list of
    `data`), each key from its nonce on."""

def native_abi() -> dict[str, int]:
    """Offsets and sizes of what native code and the engine share: `NativeFrame.stack`, `HostTable.step`, ..."""

def native_rules(spec: str) -> bytes:
    """What a compiler must know of a spec, as JSON: `{"spec", "static_gas": [256 numbers, or null for what must run on
    the interpreter or is undefined], "defined": [256 booleans], "exp_byte_gas", "copy_word_gas", "keccak_word_gas",
    "memory_word_gas", "memory_divisor", "stack_limit"}`."""

def sign_hash(key: bytes, digest: bytes) -> bytes:
    """Signs 32 bytes: r, s and y parity (0 or 1), 65 bytes."""

def recover(digest: bytes, signature: bytes) -> bytes:
    """The address that made a 65 byte signature (last byte 0, 1, 27 or 28)."""

def address_of(key: bytes) -> bytes:
    """The address of a private key."""

def keccak256(data: bytes) -> bytes:
    """Ethereum's hash."""

def system_alloc(spec: str) -> bytes:
    """What genesis holds for the rules of `spec`: JSON `{address: {"code", "storage"}}`. From rex5 on that is
    SequencerRegistry, whose system address is one that the sequencer signs for. `ValueError`: there is no such spec."""

def published_spec(chain_id: int, timestamp: int) -> str | None:
    """The rules that hold at a time on a chain of MegaETH's own, by its published schedule; None for any other."""

def witness_code_hashes(witness: bytes) -> list[bytes]:
    """The hashes of the code of all accounts in a packed witness. `ValueError`: it cannot be read."""

def witness_capacities(witness: bytes) -> dict[int, int]:
    """How many slots each SALT bucket has whose metadata a packed witness shows, before its block. `ValueError`: it
    cannot be read."""

def pack_witness(salt: bytes, withdrawals: bytes) -> bytes:
    """Two encoded witnesses as `mega_getBlockWitness` has them, without its version and base64."""

def open_witness_file(file: bytes) -> tuple[bytes, bytes, bytes | None]:
    """The parent's hash and the SALT witness in a recorded witness file, and the withdrawals witness where it has one
    behind it. `ValueError`: it is none."""

def read_code_line(line: bytes) -> tuple[bytes, bytes]:
    """The hash and the code in a line `["0x<hash>", code]`, the code plain or as revm keeps it."""

def verify_stateless(
    block: bytes,
    parent: bytes,
    witness: bytes,
    codes: list[tuple[bytes, bytes]],
    records: list[bytes],
    rules: bytes,
    *,
    by_diffs: bool = False,
) -> bytes:
    """Checks a block (JSON, with full transactions) from a packed witness and the parent's header (JSON) alone.

    `codes` are (hash, code); `records` the devnet's log of the block, whose mini-blocks are then compared too: its
    parent's record, if there is one, its mini-blocks' and its own, or nothing; `rules` JSON: `{"chainId", "spec"?,
    "sequencer"?, "config"?, "dataBuckets"?, "header"?}`. `by_diffs`: where the records' state diffs can be compared,
    the state root is not. The result is a report in JSON: `{"block", "hash", "ok",
    "checks": [{"name", "ok", "expected"?, "actual"?}], "parentStateRoot"?, "stateRoot"?, "diffDigest"?, "effort"}`.
    `ValueError`: the block or the rules cannot be read."""

def allowance_at(rules: bytes, timestamp: int) -> bytes:
    """What a chain's rules (as for `verify_stateless`) ask of a transaction and allow it at a time, as JSON: `{"spec",
    "intrinsicGas", "limits": [data size, KV updates, compute gas, state growth], "blockLimits": [likewise],
    "callShare": [numerator, denominator], "detainedComputeGas", "codeBytes", "initcodeBytes", "bucketSlots"}`; null
    where there is no limit."""

class StateBefore(Protocol):
    """The state before a block, as `verify_told` asks for it. `KeyError` says that something is not known."""

    def account(self, address: bytes) -> tuple[int, bytes, bytes] | None:
        """Nonce, balance (32 bytes) and code hash; None for an account that does not exist."""

    def slot(self, address: bytes, slot: bytes) -> bytes:
        """A storage slot's 32 bytes."""

    def code(self, code_hash: bytes) -> bytes:
        """Code by its hash."""

    def block_hash(self, number: int) -> bytes:
        """An earlier block's hash."""

def verify_told(
    block: bytes,
    receipts: bytes | None,
    state: StateBefore,
    capacities: list[tuple[int, int]],
    rules: bytes,
) -> bytes:
    """Executes a block (JSON, with full transactions) upon a state that is told, and compares what comes of it.

    `receipts` is `eth_getBlockReceipts`'s answer, or a part of it; `capacities` those of buckets that have grown;
    `rules` as for `verify_stateless`. The result is a report as that gives it, without state roots. `ValueError`:
    block, receipts or rules cannot be read, or the chain's rules are not known."""

def verify_proof(
    answer: bytes,
    witness: bytes,
    *,
    state_root: bytes | None = None,
    header: bytes | None = None,
    data_buckets: int | None = None,
) -> bytes:
    """Checks an answer of `eth_getProof` (JSON) by its witness, which is passed without its version and base64.

    The rest is what is known without asking who gave it: the state's root, its block (JSON), the chain's number of data
    buckets if it isn't the network's. The result is a report as `verify_stateless` gives it. `ValueError`: the answer
    or the block cannot be read."""

# --- rigs for tests and benchmarks: in a checkout's engine (`make install`), not in a wheel's ---

def run_code(request: bytes) -> bytes:
    """Runs one transaction over the state that comes with it, and tells everything that can be observed, both in JSON.

    Request: `{"spec", "code", "calldata", "gas", "value", "from", "to", "create", "chainId", "gasPrice",
    "maxFeePerGas", "maxPriorityFeePerGas", "accessList", "authorizations", "accounts": {address: {"balance", "nonce",
    "code", "storage"}}, "block": {"number", "timestamp", "coinbase", "gasLimit", "baseFee", "prevRandao"}, "limits":
    {"computeGas", "dataSize", "kvUpdates", "stateGrowth", "detainedComputeGas"}, "native": {code hash: object},
    "nativeAfter": instructions, "watched": bool}`; all but spec and gas may be left out. Report: `{"status":
    "success"|"revert"|"halt"|"refused", "reason"?, "output", "gasUsed", "gasRefunded", "usage", "logs", "state",
    "native"?, "seen"?}`, of which only "native" and "seen" may depend on native code. With `nativeAfter`, frames begin
    interpreted and native code takes over in a loop; "seen" is how often each instruction of a watched callee was
    interpreted, by pc, 32 bits each, little-endian.
    `ValueError`: no such request, or an object that is refused."""

def run_ahead(request: bytes) -> bytes:
    """Runs a request of `run_code` in a block: between an unrelated transaction and the same call by somebody else, one
    by one and interpreted, and then with it and its successor executed ahead of their turn, in either order, with the
    request's native code.

    Report: `{"status", "reason"?, "gasUsed", "usage"?, "logs", "differences": [[one by one, ahead]], "ahead":
    {"subjectHeld", "held", "aborted"}, "native"?}`. A transaction that no block can have is `"refused"`. `ValueError`:
    no such request, or an object that is refused."""

def measure_salt(held: int, sizes: list[int], threads: list[int]) -> bytes:
    """Fills a SALT state with `held` slots of one contract, then makes batches of each size (half of it new slots) on
    each number of threads. JSON: `{"held", "memory", "batches": [{"size", "threads", "keys", "seconds", "products",
    "nodes", "bytes_written"}]}`; all but size and threads are sums over repetitions."""

def measure_mpt(held: int, sizes: list[int]) -> bytes:
    """The same slots in an Ethereum storage trie in memory, on one thread."""

def measure_execution(
    config: bytes, transactions: list[bytes], before: int, threads: list[int], batch: int
) -> bytes:
    """Executes raw transactions in one block, `batch` in a mini-block, once for each number of threads; the first
    `before` and a tenth of the rest aren't measured, and all must succeed. JSON: `[{"threads", "transactions", "gas",
    "seconds", "sealing_seconds", "ahead", "aborted"}]`."""

def rpc_methods() -> list[tuple[str, list[str], str, str]]:
    """The JSON-RPC methods of every engine, by name: name, parameters (those that may be left out end with `?`), which
    node answers it (`chain`, `pool`, `commitment` or `sequencer`), and what, in a sentence."""

def measure_recovery(threads: int, seconds: float) -> float:
    """Senders recovered per second by some threads together."""
