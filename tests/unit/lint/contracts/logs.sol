// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract LogsFound {
    event Post(address indexed from, string text);
    event Stored(bytes data);
    event Batch(uint256[] ids, uint256 sum);

    bytes32 public last;

    function post(string calldata text) external {
        emit Post(msg.sender, text); // warning: event-data
    }

    function store(bytes calldata data) external {
        last = keccak256(data);
        emit Stored(data); // note: event-data
    }

    function named(uint256[] memory ids) public {
        emit Batch({sum: 1, ids: ids}); // warning: event-data
    }

    function inside() external {
        _inside(abi.encode(last));
    }

    function _inside(bytes memory data) internal {
        emit Stored(data); // note: event-data
    }
}

contract LogsMissed {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Named(string indexed name);
    event Fixed(bytes32 hash, uint256[3] values);

    function transfer(address to, uint256 value) external {
        emit Transfer(msg.sender, to, value);
    }

    function name(string calldata text) external {
        emit Named(text);
    }

    function hash(bytes calldata data, uint256[3] calldata values) external {
        emit Fixed(keccak256(data), values);
    }
}
