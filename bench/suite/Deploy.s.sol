// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

interface Vm {
    function envUint(string calldata name) external view returns (uint256);
    function startBroadcast() external;
    function stopBroadcast() external;
}

contract Counter {
    uint256 public count;

    constructor(uint256 start) {
        count = start;
    }

    function increment() external {
        count += 1;
    }
}

/// Deploys so many contracts, one transaction each.
contract Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external {
        uint256 deployments = vm.envUint("DEPLOYMENTS");
        vm.startBroadcast();
        for (uint256 i = 1; i <= deployments; i++) {
            new Counter(i);
        }
        vm.stopBroadcast();
    }
}
