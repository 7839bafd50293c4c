// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// Withdrawals leave the L2 here, at 0x4200000000000000000000000000000000000016. The storage root of this account is
/// the block header's `withdrawalsRoot`, so that the layout is the OP Stack's: the set of sent messages in slot 0,
/// the next nonce in slot 1.
contract L2ToL1MessagePasser {
    uint16 public constant MESSAGE_VERSION = 1;
    uint256 private constant RECEIVE_DEFAULT_GAS_LIMIT = 100_000;

    mapping(bytes32 => bool) public sentMessages;
    uint240 private nextNonce;

    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );
    event WithdrawerBalanceBurnt(uint256 indexed amount);

    receive() external payable {
        initiateWithdrawal(msg.sender, RECEIVE_DEFAULT_GAS_LIMIT, "");
    }

    function version() external pure returns (string memory) {
        return "1.1.2-devnet";
    }

    /// The version of the message format stands in the two highest bytes.
    function messageNonce() public view returns (uint256) {
        return (uint256(MESSAGE_VERSION) << 240) | nextNonce;
    }

    function initiateWithdrawal(address target, uint256 gasLimit, bytes memory data) public payable {
        uint256 nonce = messageNonce();
        bytes32 withdrawalHash = keccak256(abi.encode(nonce, msg.sender, target, msg.value, gasLimit, data));
        sentMessages[withdrawalHash] = true;
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, withdrawalHash);
        unchecked {
            ++nextNonce;
        }
    }

    /// Takes the withdrawn ether out of the L2's supply: it exists on the L1 from then on.
    function burn() external {
        uint256 amount = address(this).balance;
        new Burner{value: amount}();
        emit WithdrawerBalanceBurnt(amount);
    }
}

/// Self-destructs to itself in the transaction that creates it, which destroys its ether (EIP-6780).
contract Burner {
    constructor() payable {
        selfdestruct(payable(address(this)));
    }
}
