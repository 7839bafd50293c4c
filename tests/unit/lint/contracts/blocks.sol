// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract BlocksFound {
    uint256 public lastUse;
    uint256 public total;
    mapping(uint256 => uint256) public byTime;
    mapping(address => uint256) public usedAt;

    function draw() external view returns (uint256) {
        return uint256(blockhash(block.number - 1)); // warning: block-hash
    }

    function drawAssembled() external view returns (bytes32 hash) {
        assembly {
            hash := blockhash(sub(number(), 1)) // warning: block-hash
        }
    }

    function rate() external view returns (uint256) {
        return total / (block.timestamp - lastUse); // warning: same-second
    }

    function once() external {
        require(block.timestamp > lastUse); // warning: same-second
        lastUse = block.timestamp;
    }

    function onceTurned() external {
        if (lastUse < block.timestamp) lastUse = block.timestamp; // warning: same-second
    }

    function each() external {
        require(block.timestamp != usedAt[msg.sender]); // warning: same-second
        usedAt[msg.sender] = block.timestamp;
    }

    function exactly(uint256 time) external view returns (bool) {
        return block.timestamp == time; // warning: same-second
    }

    function record(uint256 value) external {
        byTime[block.timestamp] = value; // warning: same-second
    }

    function identify() external view returns (bytes32) {
        return keccak256(abi.encode(msg.sender, block.timestamp)); // warning: same-second
    }
}

contract BlocksMissed {
    uint256 public deadline;
    uint256 public lastUse;
    uint256 public total;
    mapping(uint256 => uint256) public byDay;

    function expired() external view returns (bool) {
        return block.timestamp > deadline;
    }

    function setDeadline(uint256 seconds_) external {
        deadline = block.timestamp + seconds_;
    }

    function touch() external {
        if (block.timestamp >= lastUse) lastUse = block.timestamp;
    }

    function earlier() external view returns (bool) {
        return block.timestamp < lastUse;
    }

    function elapsed() external view returns (uint256) {
        return (block.timestamp - lastUse) / 2;
    }

    function perDay() external {
        byDay[block.timestamp / 1 days] += 1;
    }

    function hash(bytes32 blockhash_) external view returns (bytes32) {
        return keccak256(abi.encode(blockhash_, block.chainid));
    }
}
