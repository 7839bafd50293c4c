// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Token} from "../src/Token.sol";
import {vm} from "../src/Vm.sol";

/// Deploys tokens and moves some of each: two transactions for each of them.
contract Many {
    uint256 constant TOKENS = 5;

    function run() external {
        vm.startBroadcast();
        for (uint256 number = 0; number < TOKENS; number++) {
            Token token = new Token("Many", "MANY", 1000 + number);
            token.transfer(address(0xBEEF), 7);
        }
    }
}
