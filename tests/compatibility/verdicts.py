"""How each of anvil's methods compares: the exceptions, each with its reason. What is in no list is the same.

`test_anvil.py` asks both and says when a line here is no longer true; `docs/compatibility.md` is made from it.
"""

from enum import StrEnum
from typing import Final

from tests.compatibility.asks import ASKS


class Verdict(StrEnum):
    """As the page says it."""

    SAME = "same"
    DIFFERS = "differs"
    REFUSED = "refused"
    BEYOND = "here only"
    ABSENT = "not offered"


_HEADER = "a block's header follows from the chain's rules, which are the same for all blocks and checked by provers"
_LISTS = "the chain has no block access lists (EIP-7928)"
_TIP20 = "Tempo's tokens and fees"
_WORK = "nothing is mined; anvil 1.7.1 refuses it, too"
_OWN_FORK = "a fork goes back to its own block; another fork is refused, with the command for it"
_BLOBS = "the chain takes no blob transactions"
_DIFFICULTY = "no `totalDifficulty`, as on MegaETH"
_RECEIPT = "no `blobGasPrice` (no blobs), no `blockTimestamp`; an object `mega` more"

_OTTERSCAN = "as Otterscan's interface says: without `logsBloom`; no `totalDifficulty`"

DIFFERS: Final[dict[str, str]] = {
    "eth_getBlockByHash": _DIFFICULTY,
    "eth_getBlockByNumber": _DIFFICULTY,
    "anvil_mine_detailed": _DIFFICULTY,
    "evm_mine_detailed": _DIFFICULTY,
    "eth_getTransactionReceipt": _RECEIPT,
    "eth_getBlockReceipts": _RECEIPT,
    "eth_sendRawTransactionSync": _RECEIPT,
    "eth_signTransaction": "`{raw, tx}`, as geth and the execution API have it; anvil: the bytes alone",
    "eth_fillTransaction": "`{tx}`, what would be signed",
    "erigon_getHeaderByNumber": "no `size`, no `totalDifficulty`",
    "ots_getBlockDetails": _OTTERSCAN,
    "ots_getBlockDetailsByHash": _OTTERSCAN,
    "ots_getBlockTransactions": _OTTERSCAN,
    "ots_searchTransactionsBefore": _RECEIPT,
    "ots_searchTransactionsAfter": _RECEIPT,
    "eth_getProof": "SALT's proof (`salt`) instead of a Merkle Patricia trie's; keys of slots as quantities",
    "anvil_metadata": "`clientVersion` says what anvil puts into `clientSemver` and `clientCommitSha`",
    "hardhat_metadata": "`clientVersion` says what anvil puts into `clientSemver` and `clientCommitSha`",
    "hardhat_dropTransaction": "whether it was there, as hardhat answers; anvil: the hash or null",
}
"""Where an answer lacks something, or has another form."""

REFUSED: Final[dict[str, str]] = {
    "anvil_setCoinbase": _HEADER,
    "hardhat_setCoinbase": _HEADER,
    "anvil_setNextBlockPrevRandao": "it follows from the parent's hash, and provers compute it",
    "anvil_impersonateSignature": "ECRECOVER is a rule by which all check a block; `anvil_impersonateAccount`",
    "anvil_setChainId": "the chain id is part of what the chain is: `--chain-id`",
    "anvil_setMinGasPrice": "as anvil does under EIP-1559: there is the base fee alone",
    "hardhat_setMinGasPrice": "as anvil does under EIP-1559: there is the base fee alone",
    "anvil_setNextBlockBaseFeePerGas": _HEADER + "; `--base-fee`",
    "hardhat_setNextBlockBaseFeePerGas": _HEADER + "; `--base-fee`",
    "anvil_setBlockGasLimit": _HEADER + "; `--gas-limit`",
    "evm_setBlockGasLimit": _HEADER + "; `--gas-limit`",
    "anvil_setRpcUrl": "what is forked is chosen when a chain begins (`--fork-url`)",
}
"""What is answered with an error that says why."""

ABSENT: Final[dict[str, str]] = {
    "eth_getBlockAccessList": _LISTS,
    "eth_getBlockAccessListByBlockHash": _LISTS,
    "eth_getBlockAccessListByBlockNumber": _LISTS,
    "eth_getBlockAccessListRaw": _LISTS,
    "eth_config": "forks here are MegaETH's: `mega_getChainRules`",
    "eth_sendTransactionSync": "`eth_sendTransaction`, or `eth_sendRawTransactionSync`",
    "eth_sendRawTransactionConditional": "anvil 1.7.1 does not offer it either",
    "eth_signRawTransaction": "`eth_signTransaction`; anvil 1.7.1 does not offer it either",
    "eth_resend": "send it again with the same nonce; anvil 1.7.1 does not offer it either",
    "anvil_classifyTransaction": "anvil 1.7.1 does not offer it either",
    "eth_callBundle": "nobody builds blocks of bundles here; `eth_callMany` and `eth_simulateV1` try transactions out",
    "eth_getWork": _WORK,
    "eth_submitWork": _WORK,
    "eth_submitHashrate": _WORK,
    "anvil_getBlobByHash": _BLOBS,
    "anvil_getBlobsByTransactionHash": _BLOBS,
    "anvil_dealTIP20": _TIP20,
    "anvil_setFeeToken": _TIP20,
    "anvil_setValidatorFeeToken": _TIP20,
    "anvil_setFeeAmmLiquidity": _TIP20,
    "debug_dbGet": "the database is not one of trie nodes",
    "debug_freeOSMemory": "the node gives memory back by itself",
    "debug_executionWitness": "witnesses are SALT's: `mega_getBlockWitness`",
}
"""What is answered with -32601."""

BEYOND: Final = frozenset(
    {
        "eth_baseFee", "eth_getHeaderByHash", "eth_getHeaderByNumber", "eth_signTypedData", "eth_signTypedData_v3",
        "eth_callMany", "debug_getRawReceipts", "debug_getRawHeader", "debug_getRawBlock", "debug_traceBlock",
        "trace_call", "trace_callMany", "trace_get", "trace_replayTransaction", "trace_rawTransaction",
        "txpool_contentFrom", "eth_pendingTransactions", "debug_getRawTransactions", "debug_accountInfoAt",
        "debug_getModifiedAccountsByNumber", "trace_transactionOpcodeGas", "trace_blockOpcodeGas", "debug_clearTxpool",
        "anvil_getLastBlockWallTime",
    }
)  # fmt: skip
"""What anvil 1.7.1 itself answers with an error: newer sources have it."""

NOTES: Final[dict[str, str]] = {
    "anvil_reorg": "the height goes back; transactions that come instead get in as others do, no empty blocks between",
    "web3_clientVersion": "to Hardhat, which asks for it, it begins with `anvil/`",
    "eth_sendUnsignedTransaction": "a deposit: no fee, type `0x7e`",
    "anvil_reset": _OWN_FORK,
    "hardhat_reset": _OWN_FORK,
    "anvil_setLoggingEnabled": "taken",
    "hardhat_setLoggingEnabled": "taken",
}
"""Of what is the same."""

VERDICTS: Final[dict[str, tuple[Verdict, str]]] = {
    name: next(
        (
            (verdict, exceptions[name])
            for verdict, exceptions in (
                (Verdict.DIFFERS, DIFFERS),
                (Verdict.REFUSED, REFUSED),
                (Verdict.ABSENT, ABSENT),
                (Verdict.BEYOND, dict.fromkeys(BEYOND, "")),
            )
            if name in exceptions
        ),
        (Verdict.SAME, ""),
    )
    for name in ASKS
}
