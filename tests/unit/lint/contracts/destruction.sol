// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract DestructionFound {
    function end(address payable to) external {
        selfdestruct(to); // warning: selfdestruct
    }

    function endAssembled(address to) external {
        assembly {
            selfdestruct(to) // warning: selfdestruct
        }
    }
}

contract DestructionMissed {
    bool public ended;

    function selfDestruct() external {
        ended = true;
    }

    function end() external {
        this.selfDestruct();
    }
}
