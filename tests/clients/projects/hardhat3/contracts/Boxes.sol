// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";

/// What a proxy holds a number by.
contract Box is Initializable {
    uint256 public value;

    function initialize(uint256 first) external initializer {
        value = first;
    }

    function set(uint256 next) external {
        value = next;
    }
}

contract BoxThatCounts is Box {
    function increment() external {
        value++;
    }
}

contract BoxThatClashes is Initializable {
    address public stranger;
    uint256 public value;
}

contract OwnBox is Box, UUPSUpgradeable {
    function _authorizeUpgrade(address) internal override {}
}

contract OwnBoxThatCounts is OwnBox {
    function increment() external {
        value++;
    }
}
