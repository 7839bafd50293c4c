pragma solidity ^0.8.24;

library Sum {
    function add(uint256 a, uint256 b) external pure returns (uint256) {
        return a + b;
    }
}

interface Cheats {
    function warp(uint256) external;
}

contract Tried {
    mapping(uint256 => uint256) slots;
    uint256 ready;

    error Unready(uint256 got);

    function setUp() public {
        ready = 1;
    }

    function testReady() public {
        if (ready != 1) revert Unready(ready);
        ready = 2;
    }

    function testReadyAgain() public {
        testReady();
    }

    function testManySlots() public {
        for (uint256 i = 1; i <= 1_100; ++i) slots[i] = i;
    }

    function testReverts() public pure {
        revert Unready(Sum.add(3, 4));
    }

    function testCheats() public {
        Cheats(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D).warp(5);
    }

    function testFuzz(uint256 x) public {}
}
