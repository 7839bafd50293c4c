// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Till, TillMaker} from "../src/Parts.sol";

interface Vm {
    function startBroadcast() external;
}

contract Deploy {
    function run() external {
        Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D).startBroadcast();
        new Till(3);
        new TillMaker().make(4);
    }
}
