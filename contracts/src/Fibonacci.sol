// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Fibonacci numbers modulo 2^256
/// @notice Pure computation in a tight loop: what native code, and the compute gas limit, are measured with.
contract Fibonacci {
    /// @notice The number that `store` kept last.
    uint256 public last;

    /// @notice A result was kept.
    event Computed(uint256 indexed n, uint256 value);

    /// @notice The n-th Fibonacci number modulo 2^256: run(0) = 0, run(1) = 1.
    function run(uint256 n) external pure returns (uint256) {
        return _fibonacci(n);
    }

    /// @notice Computes like `run` and keeps the result.
    function store(uint256 n) external returns (uint256 value) {
        value = _fibonacci(n);
        last = value;
        emit Computed(n, value);
    }

    function _fibonacci(uint256 n) private pure returns (uint256 a) {
        uint256 b = 1;
        unchecked {
            for (uint256 i = 0; i < n; ++i) {
                (a, b) = (b, a + b);
            }
        }
    }
}
