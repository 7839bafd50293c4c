// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

struct EthLog {
    address emitter;
    bytes32[] topics;
    bytes data;
    bytes32 blockHash;
    uint64 blockNumber;
    bytes32 transactionHash;
    uint64 transactionIndex;
    uint256 logIndex;
    bool removed;
}

/// What is used here of forge's cheatcodes.
interface Vm {
    function activeFork() external view returns (uint256);
    function createFork(string calldata url, uint256 number) external returns (uint256);
    function createSelectFork(string calldata url) external returns (uint256);
    function createSelectFork(string calldata url, uint256 number) external returns (uint256);
    function createSelectFork(string calldata url, bytes32 transaction) external returns (uint256);
    function deal(address account, uint256 balance) external;
    function envAddress(string calldata name) external view returns (address);
    function envBytes32(string calldata name) external view returns (bytes32);
    function envString(string calldata name) external view returns (string memory);
    function envUint(string calldata name) external view returns (uint256);
    function eth_getLogs(uint256 from, uint256 to, address emitter, bytes32[] calldata topics)
        external
        view
        returns (EthLog[] memory);
    function load(address account, bytes32 slot) external view returns (bytes32);
    function makePersistent(address account) external;
    function prank(address sender) external;
    function rollFork(uint256 number) external;
    function rollFork(bytes32 transaction) external;
    function rpc(string calldata method, string calldata params) external returns (bytes memory);
    function selectFork(uint256 fork) external;
    function startBroadcast() external;
    function store(address account, bytes32 slot, bytes32 value) external;
    function transact(bytes32 transaction) external;
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
