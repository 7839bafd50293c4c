// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Meets MegaETH's limits, one function for each (docs/megaeth-for-ethereum-developers.md).
contract Limits {
    event Note(bytes data);

    uint256[] public slots;
    mapping(uint256 => uint256) public values;

    /// Makes the state grow by so many slots, and one for the length.
    function grow(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) slots.push(i + 1);
    }

    /// Computes: the first read of each slot takes 2,100 gas.
    function read(uint256 count) external view returns (uint256 sum) {
        for (uint256 i = 0; i < count; ++i) sum += values[i];
    }

    /// The same after the block's time was read.
    function readAfterTime(uint256 count) external view returns (uint256 sum) {
        require(block.timestamp > 0);
        for (uint256 i = 0; i < count; ++i) sum += values[i];
    }

    /// The same before it.
    function readBeforeTime(uint256 count) external view returns (uint256 sum) {
        for (uint256 i = 0; i < count; ++i) sum += values[i];
        require(block.timestamp > 0);
    }

    /// Writes data into the log.
    function note(bytes calldata data) external {
        emit Note(data);
    }

    /// How much of its gas a call passes on, in hundredths of a percent.
    function share() external view returns (uint256) {
        uint256 had = gasleft();
        uint256 got = this.gas();
        return (got * 10_000) / had;
    }

    /// The gas that a call of this has.
    function gas() external view returns (uint256) {
        return gasleft();
    }
}
