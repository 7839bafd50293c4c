// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract Small {
    uint256 public value = 1;
}

library Pointers {
    function write(bytes memory data) internal returns (address pointer) {
        assembly {
            pointer := create(0, add(data, 32), mload(data)) // warning: contract-creation
        }
    }

    function clone(address target) internal returns (address made) {
        assembly {
            mstore(0, target)
            made := create2(0, 9, 55, 0) // note: contract-creation
        }
    }
}

contract CreationFound {
    function make() external returns (Small) {
        return new Small(); // note: contract-creation
    }

    function makeSalted(bytes32 salt) external returns (Small) {
        return new Small{salt: salt}(); // note: contract-creation
    }
}

contract CreationMissed {
    function make(uint256 n) external pure returns (bytes memory made, uint256[] memory list) {
        made = new bytes(n);
        list = new uint256[](n);
    }
}
