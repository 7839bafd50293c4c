"""Every setting of a devnet: one frozen tree, valid from the border on.

The dataclasses below are the whole truth: name, type, default, range, explanation, flag. The TOML file, the
environment variables, the flags of `megaeth devnet up` and the file of `devnet init` all derive from them.
How the tree is read, merged, checked and written is in `devnet.settings`; this module only declares.
"""

from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

DEFAULT_CHAIN_ID: Final = 6343
"""MegaETH's public testnet, so that tools treat the devnet as the MegaETH they know.

`forge script` decides by chain id whether to simulate gas itself or to ask the node (`eth_estimateGas`). It
asks on 4326 and 6343 (tried with 1.7.1), while 6342, the retired testnet, is a stranger to it: transactions
would go out with Ethereum's gas and fail. viem knows the same two. 4326 is where real money lives, and no wallet or
script should take the devnet for it.
"""

TEST_MNEMONIC: Final = "test test test test test test test test test test test junk"
"""The mnemonic of anvil, hardhat and every tutorial. Everyone has its keys."""

SPECS: Final = ("equivalence", "mini-rex", "rex", "rex1", "rex2", "rex3", "rex4", "rex5", "rex6")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
ORDERS: Final = ("priority", "fifo")
DURABILITIES: Final = ("normal", "fsync")
JIT_MODES: Final = ("off", "on", "eager")
OPEN_BLOCK_MODES: Final = ("null", "served")
MAX_REPLICA_LAG_MS: Final = 5_000
"""Peers part from a node that takes nothing for 10 s."""
GATEWAYS: Final = ("off", "public", "coming")
DEFAULT_GATEWAY_PORT: Final = 9545


class VerifyMode(StrEnum):
    """How much a node that follows checks itself."""

    PROOFS = "proofs"
    """Signatures, order and digests; provers say whether diffs and state roots are right."""
    ROOTS = "roots"
    """Each block's state root too."""
    REEXECUTE = "reexecute"
    """Every transaction too."""
    STATELESS = "stateless"
    """Each block's state root too, and behind that every transaction, from witnesses: when a block stands already."""


class ValidationMode(StrEnum):
    """What a node with `VerifyMode.STATELESS` compares of a block that it has executed from a witness."""

    DELTA = "delta"
    """All but the state root: that the block changes what the node has applied."""
    FULL = "full"
    """The state root as well, computed from the witness."""


MAX_CHAIN_ID: Final = 2**63 - 37
"""EIP-2294: v = 2 * chain_id + 36 has to fit 64 bits."""

FIRST_DATA_BUCKET: Final = 65_536
BUCKETS: Final = 2**24
SALT_DATA_BUCKETS: Final = BUCKETS - FIRST_DATA_BUCKET
MIN_BUCKET_SLOTS: Final = 256


@dataclass(frozen=True)
class Setting:
    """What is known about a setting besides its type and default."""

    doc: str
    flag: str
    metavar: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    path: bool = False
    """A path: relative to the file that sets it, or to the working directory."""
    alias: str = ""
    """Another flag of the same meaning, as other tools call it."""

    @property
    def variable(self) -> str:
        """The environment variable: `--mini-block-time` is MEGAETH_MINI_BLOCK_TIME."""
        return "MEGAETH_" + self.flag.strip("-").replace("-", "_").upper()


def _setting(default: Any, doc: str, flag: str, metavar: str = "", **more: Any) -> Any:  # noqa: ANN401
    return field(default=default, metadata={"setting": Setting(doc, flag, metavar, **more)})


@dataclass(frozen=True)
class ChainSettings:
    """What the chain is."""

    chain_id: int = _setting(
        DEFAULT_CHAIN_ID, "Chain id. forge asks the node for gas on 4326 and 6343.", "--chain-id", "ID",
        minimum=1, maximum=MAX_CHAIN_ID,
    )  # fmt: skip
    spec: str = _setting("rex6", "MegaETH hard fork that is active from genesis.", "--spec", choices=SPECS)
    gas_limit: int = _setting(
        10_000_000_000,
        "Gas limit of an EVM block.",
        "--gas-limit",
        "GAS",
        minimum=1_000_000,
        maximum=2**63 - 1,
    )
    base_fee: int = _setting(
        1_000_000, "Base fee in wei; fixed, as on MegaETH.", "--base-fee", "WEI", minimum=0, maximum=2**63 - 1
    )
    genesis: str | None = _setting(
        None,
        "Extra genesis accounts: a JSON file in geth's format. Its timestamp is block 0's.",
        "--genesis", "FILE", path=True,
    )  # fmt: skip
    genesis_timestamp: int | None = _setting(
        None,
        "Timestamp of block 0, in seconds: with it two devnets of the same settings have the same genesis hash. "
        "Default: the --genesis file's, else the moment of the first start.",
        "--genesis-timestamp", "SECONDS", minimum=0, maximum=2**63 - 1,
    )  # fmt: skip
    bucket_capacity: tuple[tuple[int, int], ...] = _setting(
        (), "SALT buckets that are enlarged from the start, to preview gas: ID:SLOTS.", "--bucket-capacity",
        "ID:SLOTS",
    )  # fmt: skip
    salt_data_buckets: int = _setting(
        SALT_DATA_BUCKETS,
        "SALT's data buckets. Fewer make a crowded chain; the number must divide 16711680.",
        "--salt-data-buckets", "N", minimum=1, maximum=SALT_DATA_BUCKETS,
    )  # fmt: skip
    interventions: bool = _setting(
        True,
        "Whether the chain's state may be set from outside (anvil_setBalance and its kin, impersonation).",
        "--interventions",
    )


NOT_PROVEN: Final = (
    "a witness proves what was written since the fork, and nothing of the remote's state under it"
)
"""Why nobody checks a fork's blocks by witnesses."""


@dataclass(frozen=True)
class ForkSettings:
    """Another chain to go on from."""

    url: str | None = _setting(
        None,
        "JSON-RPC endpoint of a chain to fork: state and history are read from it, and kept.",
        "--fork-url",
        "URL",
    )
    block_number: int | None = _setting(
        None, "Block to fork from. Default: the remote's newest at the first start.", "--fork-block", "N",
        minimum=0, maximum=2**63 - 1, alias="--fork-block-number",
    )  # fmt: skip
    headers: tuple[str, ...] = _setting(
        (),
        "HTTP header for requests to --fork-url; may be given several times.",
        "--fork-header",
        "NAME:VALUE",
    )


@dataclass(frozen=True)
class BlockSettings:
    """How time is cut into blocks."""

    mini_block_time_ms: int = _setting(
        10, "Milliseconds between mini-blocks.", "--mini-block-time", "MS", minimum=1, maximum=60_000
    )
    block_time_s: float = _setting(
        1.0, "Seconds between EVM blocks.", "--block-time", "SECONDS", minimum=0.001, maximum=3600
    )
    mining: bool = _setting(
        True, "Whether blocks are made by themselves, or only when asked for (evm_mine).", "--mining"
    )
    automine: bool = _setting(
        False, "Close a block with each transaction, and only then, as other local nodes do.", "--automine"
    )
    history_blocks: int = _setting(
        1024, "EVM blocks whose state is kept in memory for reads; older ones are read from disk.",
        "--history-blocks", "BLOCKS", minimum=1, maximum=10_000_000,
    )  # fmt: skip
    order: str = _setting("priority", "Which waiting transaction goes first.", "--order", choices=ORDERS)
    execution_threads: int = _setting(
        0, "Threads that execute transactions; 0 for as many as there are cores. Results are the same on any number.",
        "--execution-threads", "N", minimum=0, maximum=256,
    )  # fmt: skip


@dataclass(frozen=True)
class NetworkSettings:
    """Which nodes there are beside the sequencer, what they believe, and whose disks count."""

    standbys: int = _setting(
        0, "Standbys, which follow as full nodes do and take over when the sequencer dies or stalls.",
        "--standby", "N", minimum=0, maximum=8,
    )  # fmt: skip
    durable_on: int | None = _setting(
        None,
        "Disks of nodes that may lead, the leader's among them, that have a receipt before anybody sees it, come what "
        "may. Default: 2, or the leader's alone while no standby is in sync.",
        "--durable-on", "K", minimum=1, maximum=9,
    )  # fmt: skip
    full_nodes: int = _setting(
        0, "Full nodes, which apply the sequencer's state diffs.", "--full-nodes", "N", minimum=0, maximum=64
    )
    provers: int = _setting(
        0, "Provers, which check blocks statelessly.", "--provers", "N", minimum=0, maximum=64
    )
    quorum: int = _setting(
        1, "Provers that have to attest to a block until it counts as verified.", "--quorum", "M",
        minimum=1, maximum=64,
    )  # fmt: skip
    verify: VerifyMode = _setting(  # noqa: RUF009 as every other
        VerifyMode.PROOFS,
        "What a full node checks itself: nothing but signatures and attestations, each block's state root, "
        "every transaction before it is applied, or afterwards, by an embedded stateless validator.",
        "--verify",
        choices=tuple(VerifyMode),
    )
    validation: ValidationMode = _setting(  # noqa: RUF009 as every other
        ValidationMode.DELTA,
        "What an embedded stateless validator compares: what the block changes with what the node has applied, "
        "or also the state root, from the witness.",
        "--validation",
        choices=tuple(ValidationMode),
    )
    prover_workers: int = _setting(
        2, "Blocks that one prover, or an embedded stateless validator, checks at a time.",
        "--prover-workers", "N", minimum=1, maximum=64,
    )  # fmt: skip
    replica_lag_ms: int = _setting(
        0,
        "How much later than the sequencer full nodes show the chain, as replicas of MegaETH's public endpoint may.",
        "--replica-lag", "MS", minimum=0, maximum=MAX_REPLICA_LAG_MS,
    )  # fmt: skip
    snapshot_behind: int = _setting(
        200_000,
        "Mini-blocks from which on a new full node begins with a snapshot of the state instead of the whole log.",
        "--snapshot-behind", "MINI-BLOCKS", minimum=1, maximum=2**63,
    )  # fmt: skip

    @property
    def disks(self) -> int:
        """How many candidates' disks have what anybody sees; without `durable_on` only while so many are in sync."""
        return self.durable_on if self.durable_on is not None else min(2, 1 + self.standbys)


@dataclass(frozen=True)
class RpcSettings:
    """Where and to whom the JSON-RPC server answers."""

    host: str = _setting("127.0.0.1", "Address to listen on.", "--host", "ADDRESS")
    port: int = _setting(
        8545, "Port for HTTP and WebSocket; 0 picks a free one.", "--port", "PORT", minimum=0, maximum=65_535
    )
    allow_origins: tuple[str, ...] = _setting(
        (), "Web origins that may call besides loopback ones; '*' for all.", "--allow-origin", "ORIGIN"
    )
    allow_hosts: tuple[str, ...] = _setting(
        (), "Host names the server answers to besides loopback ones.", "--allow-host", "NAME"
    )
    max_body_bytes: int = _setting(
        10 * 1024 * 1024, "Largest request body.", "--max-body-bytes", "BYTES", minimum=1024, maximum=2**30
    )
    max_batch: int = _setting(
        1000, "Most calls in one batch, one eth_callMany or one eth_simulateV1.", "--max-batch", "CALLS",
        minimum=1, maximum=1_000_000,
    )  # fmt: skip
    max_answer_bytes: int = _setting(
        64 * 1024 * 1024, "Largest answer to one request or batch.", "--max-answer-bytes", "BYTES",
        minimum=1024, maximum=2**40,
    )  # fmt: skip
    max_call_bytes: int = _setting(
        256 * 1024 * 1024, "Most memory that one call takes while it runs.", "--max-call-bytes", "BYTES",
        minimum=1024 * 1024, maximum=2**40,
    )  # fmt: skip
    max_work_bytes: int = _setting(
        512 * 1024 * 1024,
        "Most memory of all calls that run and all answers that were not read yet; who comes then gets error -32005.",
        "--max-work-bytes", "BYTES", minimum=1024 * 1024, maximum=2**40,
    )  # fmt: skip
    call_timeout_s: float = _setting(
        60.0, "Longest time for one call, estimate, search or trace.", "--call-timeout", "SECONDS",
        minimum=0.001, maximum=86_400,
    )  # fmt: skip
    open_block: str = _setting(
        "null",
        "What the open block is to methods that show blocks: null, as on MegaETH, or served with what it holds so far. "
        "Its state can be read by its number either way.",
        "--open-block",
        choices=OPEN_BLOCK_MODES,
    )
    gateway: str = _setting(
        "off",
        "An address beside the node's own that limits and refuses what MegaETH's public endpoint does, or what it will "
        "with the coming node; each refusal names its rule. The node's own address, and so every tool that uses it, "
        "notices nothing.",
        "--gateway",
        choices=GATEWAYS,
    )
    gateway_port: int = _setting(
        DEFAULT_GATEWAY_PORT,
        "Port of the --gateway address of the sequencer; full nodes take the next ones. 0 picks free ones.",
        "--gateway-port", "PORT", minimum=0, maximum=65_535,
    )  # fmt: skip
    max_connections: int = _setting(
        1024, "Most connections at a time.", "--max-connections", "N", minimum=1, maximum=1_000_000
    )
    max_filters: int = _setting(
        1000, "Most filters that clients poll at a time; one that is not asked for 5 minutes is gone.",
        "--max-filters", "N", minimum=0, maximum=1_000_000,
    )  # fmt: skip
    expose_test_keys: bool = _setting(
        False, "Listen beyond loopback although everyone knows the test keys.", "--expose-test-keys"
    )


@dataclass(frozen=True)
class AccountSettings:
    """The accounts that are funded at genesis and that the node signs for."""

    count: int = _setting(10, "Funded accounts.", "--accounts", "N", minimum=0, maximum=10_000)
    balance_eth: float = _setting(
        10_000.0, "Balance of each, in ETH.", "--balance", "ETH", minimum=0, maximum=1_000_000_000
    )
    mnemonic: str = _setting(TEST_MNEMONIC, "BIP-39 phrase the accounts derive from.", "--mnemonic", "PHRASE")


@dataclass(frozen=True)
class PoolSettings:
    """Limits of the transaction pool."""

    account_slots: int = _setting(
        500, "Waiting transactions per account.", "--pool-account-slots", "N", minimum=1, maximum=1_000_000
    )
    total_slots: int = _setting(
        200_000, "Waiting transactions in all.", "--pool-slots", "N", minimum=1, maximum=10_000_000
    )
    price_bump_percent: int = _setting(
        10, "How much more a replacement has to pay.", "--price-bump", "PERCENT", minimum=0, maximum=1000
    )


@dataclass(frozen=True)
class StorageSettings:
    """Where the chain is kept."""

    data_dir: str | None = _setting(
        None, "Data directory; default: the user's data directory.", "--data-dir", "DIR", path=True
    )
    ephemeral: bool = _setting(False, "Keep nothing: a temporary directory, gone on stop.", "--ephemeral")
    durability: str = _setting(
        "normal",
        "What a receipt waits for: that the operating system has the mini-block, which outlives the process, or that "
        "the disk has confirmed it, which outlives a loss of power.",
        "--durability",
        choices=DURABILITIES,
    )
    fsync: bool = _setting(False, "The same as --durability fsync.", "--fsync")
    reset: bool = _setting(False, "Start from genesis: delete this devnet's chain first.", "--reset")
    state: str | None = _setting(
        None, "State file that a new chain begins with, if it is there, and that is written at the stop; the next two "
        "go before it.",
        "--state", "FILE", path=True,
    )  # fmt: skip
    load_state: str | None = _setting(
        None, "State file that a new chain begins with: anvil's, or one of `megaeth state dump`.",
        "--load-state", "FILE", path=True,
    )  # fmt: skip
    dump_state: str | None = _setting(
        None, "State file to write at the stop: anvil's JSON, gzipped if its name ends in .gz; in MegaETH's form if "
        "it ends in .zst.",
        "--dump-state", "FILE", path=True,
    )  # fmt: skip
    state_interval_s: int = _setting(
        0, "Time after which the file of --state or --dump-state is written again; 0 for at the stop only.",
        "--state-interval", "SECONDS", minimum=0, maximum=2**31 - 1,
    )  # fmt: skip

    snapshot: str | None = _setting(
        None, "Snapshot that a new chain goes on from, in its state, at its height, by its rules: a name of `megaeth "
        "snapshot list`, or a file.",
        "--snapshot", "NAME|FILE",
    )  # fmt: skip

    history: int | None = _setting(
        None, "Blocks that each node keeps, with transactions, receipts and the states at their ends; default: all.",
        "--history", "BLOCKS", minimum=1, maximum=2**31 - 1,
    )  # fmt: skip

    @property
    def syncs(self) -> bool:
        """Whether the disk has to confirm what is written."""
        return self.fsync or self.durability == "fsync"

    @property
    def saves_state(self) -> bool:
        """Whether a file is written at the stop."""
        return (self.state or self.dump_state) is not None


@dataclass(frozen=True)
class JitSettings:
    """Native code for contracts."""

    mode: str = _setting(
        "on",
        "Which contracts are compiled to native code: none, those whose gas has paid for it, or all that are called.",
        "--jit",
        choices=JIT_MODES,
    )


@dataclass(frozen=True)
class EvidenceSettings:
    """How much of what went wrong each node keeps: the newest, and the first of each kind."""

    files: int = _setting(
        200,
        "Incidents that a node keeps, and reproductions of failed checks that a prover keeps.",
        "--evidence-files",
        "N",
        minimum=1,
        maximum=1_000_000,
    )
    bytes: int = _setting(
        64 * 1024 * 1024,
        "Most bytes of either on disk.",
        "--evidence-bytes",
        "BYTES",
        minimum=1024,
        maximum=2**40,
    )


@dataclass(frozen=True)
class LogSettings:
    """What the processes write to their log files."""

    level: str = _setting("info", "Lowest level in the log files.", "--log-level", choices=LOG_LEVELS)
    console: bool = _setting(
        True,
        "Show what contracts tell console.log (hardhat's console.sol, forge's console2).",
        "--console-log",
    )


@dataclass(frozen=True)
class Config:
    """All settings of a devnet."""

    chain: ChainSettings = field(default_factory=ChainSettings)
    fork: ForkSettings = field(default_factory=ForkSettings)
    blocks: BlockSettings = field(default_factory=BlockSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    rpc: RpcSettings = field(default_factory=RpcSettings)
    accounts: AccountSettings = field(default_factory=AccountSettings)
    pool: PoolSettings = field(default_factory=PoolSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    jit: JitSettings = field(default_factory=JitSettings)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    log: LogSettings = field(default_factory=LogSettings)

    @property
    def balance_wei(self) -> int:
        """The genesis balance of each account, exact."""
        from decimal import Decimal

        return int(Decimal(repr(self.accounts.balance_eth)) * 10**18)

    @property
    def uses_test_keys(self) -> bool:
        """Whether everyone can sign for the funded accounts."""
        return self.accounts.count > 0 and self.accounts.mnemonic == TEST_MNEMONIC


def section_type(section: "Field[Any]") -> type[Any]:
    """The dataclass of a section, from its field in the tree."""
    assert isinstance(section.type, type)
    return section.type


@dataclass(frozen=True)
class KnownSetting:
    """A setting with its place in the tree."""

    section: str
    name: str
    type: Any
    """The annotation: int, float, bool, str, an enumeration of texts, `int | None`, `str | None`, `tuple[str, ...]` or
    pairs of int."""
    default: Any
    about: Setting

    @property
    def dotted(self) -> str:
        """`section.name`, as messages and documents call it."""
        return f"{self.section}.{self.name}"


def known_settings() -> tuple[KnownSetting, ...]:
    """Every setting, in the order of the tree."""
    return tuple(
        KnownSetting(section.name, entry.name, entry.type, entry.default, entry.metadata["setting"])
        for section in fields(Config)
        for entry in fields(section_type(section))
    )
