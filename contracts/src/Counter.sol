// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title A number that anyone may change
/// @notice The first contract to deploy: one storage slot, one event, one custom error.
contract Counter {
    /// @notice The current value.
    uint256 public number;

    /// @notice Someone changed the value.
    event NumberChanged(address indexed by, uint256 from, uint256 to);

    /// @notice The value is already zero.
    error NothingToTake();

    /// @notice Sets the value.
    function setNumber(uint256 value) external {
        _set(value);
    }

    /// @notice Adds one.
    function increment() external {
        _set(number + 1);
    }

    /// @notice Takes one away; refused at zero.
    function decrement() external {
        if (number == 0) revert NothingToTake();
        _set(number - 1);
    }

    function _set(uint256 value) private {
        emit NumberChanged(msg.sender, number, value);
        number = value;
    }
}
