// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// What is made and called within.
contract Inner {
    uint256 public stored;
    event Stored(uint256 indexed value, address by);
    error Refused(uint256 value);

    constructor(uint256 first) payable {
        require(first != 13, "no thirteen");
        stored = first;
    }

    function store(uint256 value) external payable returns (uint256 before) {
        before = stored;
        stored = value;
        emit Stored(value, msg.sender);
    }

    function refuse(uint256 value) external pure {
        revert Refused(value);
    }

    function say(string calldata why) external pure {
        revert(why);
    }

    function panic(uint256 value) external pure returns (uint256) {
        return 1 / value;
    }

    function fail() external pure {
        assembly {
            invalid()
        }
    }

    function spin() external pure {
        while (true) {}
    }

    function end(address payable heir) external {
        selfdestruct(heir);
    }

    receive() external payable {}
}

/// Calls in every way, one transaction for each.
contract Traced {
    uint256 public stored;
    Inner public inner;
    event Told(bytes32 digest);

    constructor() payable {
        inner = new Inner{value: 1}(5);
    }

    function calls() external payable returns (uint256) {
        inner.store{value: msg.value}(7);
        return inner.stored();
    }

    function delegates() external returns (bool done) {
        (done, ) = address(inner).delegatecall(abi.encodeCall(Inner.store, (9)));
    }

    function creates() external returns (address, address) {
        Inner second = new Inner{salt: bytes32(uint256(1))}(3);
        try new Inner(13) returns (Inner) {} catch {}
        return (address(second), address(new Inner(4)));
    }

    function fails() external {
        try inner.refuse(1) {} catch {}
        try inner.say("within") {} catch {}
        try inner.panic(0) {} catch {}
        try inner.fail{gas: 30000}() {} catch {}
        try inner.spin{gas: 30000}() {} catch {}
        (bool done, ) = address(inner).call{value: 1000 ether}("");
        require(!done);
        stored++;
    }

    function says() external {
        stored = 1;
        inner.say("without");
    }

    function refuses() external {
        inner.store(8);
        inner.refuse(2);
    }

    function hashes() external returns (address signer) {
        bytes32 digest = sha256(abi.encode(stored));
        signer = ecrecover(digest, 27, bytes32(uint256(1)), bytes32(uint256(2)));
        emit Told(digest);
    }

    function ends(address payable heir) external {
        Inner last = new Inner{value: 0}(6);
        last.end(heir);
        inner.store(10);
    }

    receive() external payable {}
}
