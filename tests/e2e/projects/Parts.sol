// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

library Sum {
    function add(uint256 a, uint256 b) public pure returns (uint256) {
        return a + b;
    }
}

/// What deploying fills in: an immutable, and the address of a library.
contract Till {
    uint256 public immutable fee;
    uint256 public total;

    event Paid(address indexed by, uint256 amount);
    error TooLittle(uint256 amount, uint256 fee);

    constructor(uint256 fee_) {
        fee = fee_;
    }

    function pay(uint256 amount) external {
        if (amount < fee) revert TooLittle(amount, fee);
        total = Sum.add(total, amount);
        emit Paid(msg.sender, amount);
    }
}

contract TillMaker {
    function make(uint256 fee) external returns (Till) {
        return new Till{salt: bytes32(fee)}(fee);
    }
}
