"""What every MegaETH chain has from the start: its system contracts, the OP predeploys, common tools.

The ABIs and layouts of the predeploys are those of this project's own (devnet/genesis/predeploys), whose functions and
events are those that stand at the same addresses elsewhere. The system contracts' are mega-evm's (system-contracts).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from megaeth_cli.abi import Interface

SYSTEM = {
    "0x6342000000000000000000000000000000000001": "Oracle",
    "0x6342000000000000000000000000000000000002": "HighPrecisionTimestamp",
    "0x6342000000000000000000000000000000000003": "KeylessDeploy",
    "0x6342000000000000000000000000000000000004": "MegaAccessControl",
    "0x6342000000000000000000000000000000000005": "MegaLimitControl",
    "0x6342000000000000000000000000000000000006": "SequencerRegistry",
    "0xa887dcb9d5f39ef79272801d05abdf707cfbbd1d": "MegaSystem",
    "0xabb2e3ad695e83a75fd5d4e59b1c637b97ec6efd": "MegaSystem",  # a devnet's
    "0x4200000000000000000000000000000000000006": "WETH",
    "0x420000000000000000000000000000000000000f": "GasPriceOracle",
    "0x4200000000000000000000000000000000000011": "SequencerFeeVault",
    "0x4200000000000000000000000000000000000015": "L1Block",
    "0x4200000000000000000000000000000000000016": "L2ToL1MessagePasser",
    "0x4200000000000000000000000000000000000019": "BaseFeeVault",
    "0x420000000000000000000000000000000000001a": "L1FeeVault",
    "0x420000000000000000000000000000000000001b": "OperatorFeeVault",
    "0xca11bde05977b3631167028862be2a173976ca11": "Multicall3",
    "0x4e59b44847b379578588920ca78fbf26c0b4956c": "Create2Deployer",
    "0x0000f90827f1c53a10cb7a02335b175320002935": "HistoryStorage",
    "0x000f3df6d732807ef1319fb7b8bb8522d0beac02": "BeaconRoots",
}

_SIGNATURES = {
    "Oracle": """
        function multiCall(bytes[] data) returns (bytes[] results)
        function getSlot(uint256 slot) returns (bytes32 value)
        function setSlot(uint256 slot, bytes32 value)
        function getSlots(uint256[] slots) returns (bytes32[] values)
        function setSlots(uint256[] slots, bytes32[] values)
        function sendHint(bytes32 topic, bytes data)
        function emitLog(bytes32 topic, bytes data)
        function emitLogs(bytes32 topic, bytes[] dataVector)
        """,
    "HighPrecisionTimestamp": """
        function timestamp() returns (uint256)
        function update(uint256 timestamp)
        """,
    "KeylessDeploy": """
        function keylessDeploy(bytes transaction, uint256 gasLimit) returns (uint64 gas, address deployed, bytes error)
        error MalformedEncoding()
        error NotContractCreation()
        error NotPreEIP155()
        error NonZeroTxNonce(uint64 txNonce)
        error NoEtherTransfer()
        error InvalidSignature()
        error InsufficientBalance()
        error ContractAlreadyExists()
        error SignerNonceTooHigh(uint64 signerNonce)
        error ExecutionReverted(uint64 gasUsed, bytes output)
        error ExecutionHalted(uint64 gasUsed)
        error ParentBudgetExceeded(uint8 kind, uint64 limit, uint64 used)
        error EmptyCodeDeployed(uint64 gasUsed)
        error NoContractCreated()
        error AddressMismatch()
        error GasLimitTooLow(uint64 txGasLimit, uint64 providedGasLimit)
        error InsufficientComputeGas(uint64 limit, uint64 used)
        error InitCodeTooLarge(uint64 size, uint64 max)
        error SignerHasCode()
        error InternalError()
        error InvalidTransaction()
        """,
    "MegaAccessControl": """
        function disableVolatileDataAccess()
        function enableVolatileDataAccess()
        function isVolatileDataAccessDisabled() returns (bool disabled)
        """,
    "MegaLimitControl": "function remainingComputeGas() returns (uint64 remaining)",
    "SequencerRegistry": """
        function currentSystemAddress() returns (address)
        function systemAddressAt(uint256 blockNumber) returns (address)
        function scheduleNextSystemAddressChange(address newSystemAddress, uint256 activationBlock)
        function currentSequencer() returns (address)
        function sequencerAt(uint256 blockNumber) returns (address)
        function scheduleNextSequencerChange(address newSequencer, uint256 activationBlock, bytes newSequencerSignature)
        function minRotationDelay() returns (uint256)
        function rotationDigest(address newSequencer, uint256 activationBlock) returns (bytes32)
        function applyPendingChanges()
        function admin() returns (address)
        function pendingAdmin() returns (address)
        function transferAdmin(address newAdmin)
        function acceptAdmin()
        event SystemAddressChangeScheduled(address indexed previous, address indexed next, uint256 activationBlock)
        event SequencerChangeScheduled(address indexed previous, address indexed next, uint256 activationBlock)
        event AdminTransferStarted(address indexed currentAdmin, address indexed newPendingAdmin)
        event AdminTransferred(address indexed oldAdmin, address indexed newAdmin)
        error FutureBlock()
        error BeforeInitialBlock()
        error NotAdmin()
        error NotPendingAdmin()
        error ZeroAddress()
        error InvalidActivationBlock()
        error ActivationBlockTooLarge()
        error RotationDelayTooShort()
        error InvalidRotationProof()
        """,
}
ADDRESSES = {name: address for address, name in SYSTEM.items()}


@dataclass(frozen=True)
class Predeploy:
    """A contract that nobody has to deploy."""

    name: str
    address: str
    interface: Interface | None
    """None where it has no ABI (it takes raw bytes)."""
    layout: dict[str, Any]
    """The storage layout; that of `code` only."""
    code: str
    """The runtime code that this project puts there; empty for the system contracts, which the EVM deploys."""


@cache
def predeploy(address: str) -> Predeploy | None:
    """What stands at an address on every chain."""
    name = SYSTEM.get(address.lower())
    if name is None:
        return None
    own = _own().get(address.lower(), {})
    interface = Interface(own["abi"]) if "abi" in own else None
    if name in _SIGNATURES:
        interface = Interface.of_signatures(_SIGNATURES[name].split("\n"))
    return Predeploy(name, address.lower(), interface, own.get("layout") or {}, own.get("code", ""))


def standing_interfaces() -> Iterator[Interface]:
    """The ABIs of all that stands on every chain."""
    for address in SYSTEM:
        standing = predeploy(address)
        if standing is not None and standing.interface is not None:
            yield standing.interface


@cache
def _own() -> dict[str, dict[str, Any]]:
    # Imported here: most commands meet no predeploy.
    from devnet.genesis.build import PREDEPLOY_DIR

    files = [json.loads(path.read_bytes()) for path in PREDEPLOY_DIR.glob("*.json")]
    return {address: file for file in files for address in file["addresses"]}
