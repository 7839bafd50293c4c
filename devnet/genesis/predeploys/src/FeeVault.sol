// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// Where fees gather: sequencer (0x42..11), base fee (0x42..19), L1 fee (0x42..1A) and operator fee (0x42..1B). There
/// is no L1 to withdraw to on a devnet, therefore the vault only takes in.
contract FeeVault {
    event Received(address indexed from, uint256 value);

    receive() external payable {
        emit Received(msg.sender, msg.value);
    }

    function version() external pure returns (string memory) {
        return "1.5.0-devnet";
    }

    function totalProcessed() external pure returns (uint256) {
        return 0;
    }
}
