// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IGame {
    function settle(uint256 id) external;
    function names() external view returns (string memory);
}

interface IOracle {
    function getSlot(uint256 slot) external view returns (bytes32);
}

contract VolatileFound {
    address[] public players;
    mapping(address => uint256) public points;
    uint256 public ends;
    uint256 public total;
    IOracle constant ORACLE = IOracle(0x6342000000000000000000000000000000000001);

    modifier open() {
        require(block.timestamp < ends); // warning: volatile-before-compute
        _;
    }

    function pay() external open {
        for (uint256 i = 0; i < players.length; ++i) total += points[players[i]];
    }

    function payChosen(address[] calldata chosen) external {
        uint256 now_ = block.number; // warning: volatile-before-compute
        for (uint256 i = 0; i < chosen.length; ++i) total += points[chosen[i]] * now_;
    }

    function grind(uint256 rounds) external view returns (bytes32 seed) {
        seed = bytes32(block.prevrandao); // note: volatile-before-compute
        for (uint256 i = 0; i < rounds; ++i) seed = keccak256(abi.encode(seed));
    }

    function run(address target, bytes calldata data) external {
        require(clock() > ends); // warning: volatile-before-compute
        (bool ok, ) = target.call(data);
        require(ok);
    }

    function call(IGame game) external {
        if (block.timestamp > ends) game.settle(1); // note: volatile-before-compute
    }

    function inLoop(uint256 n) external {
        for (uint256 i = 0; i < n; ++i) {
            points[msg.sender] += block.basefee; // warning: volatile-before-compute
        }
    }

    function early(bool skip) external {
        while (true) {
            if (skip) return;
            uint256 limit = block.gaslimit; // warning: volatile-before-compute
            if (limit > 0) continue;
            distribute();
        }
    }

    function oracle() external {
        bytes32 price = ORACLE.getSlot(8); // warning: volatile-before-compute
        if (price != 0) distribute();
    }

    function assembled() external {
        uint256 time;
        assembly {
            time := timestamp() // warning: volatile-before-compute
        }
        if (time > 0) distribute();
    }

    function clock() internal view returns (uint256) {
        return block.timestamp;
    }

    function distribute() internal {
        for (uint256 i = 0; i < players.length; ++i) total += points[players[i]];
    }
}

contract VolatileMissed {
    address[] public players;
    mapping(address => uint256) public points;
    uint256 public ends;
    uint256 public total;

    function late() external {
        for (uint256 i = 0; i < players.length; ++i) total += points[players[i]];
        ends = block.timestamp;
    }

    function branches(bool which) external {
        if (which) ends = block.timestamp;
        else for (uint256 i = 0; i < players.length; ++i) total += points[players[i]];
    }

    function leaves(bool which) external {
        if (which) {
            ends = block.timestamp;
            return;
        }
        for (uint256 i = 0; i < players.length; ++i) total += points[players[i]];
    }

    function few() external {
        ends = block.timestamp;
        for (uint256 i = 0; i < 10; ++i) points[msg.sender] += i;
    }

    function digits(uint256 value) external returns (uint256 count) {
        ends = block.timestamp;
        while (value != 0) {
            value /= 10;
            count++;
        }
    }

    function find(uint256 wanted) external returns (uint256 low) {
        ends = block.timestamp;
        uint256 high = players.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (points[players[middle]] > wanted) high = middle;
            else low = middle + 1;
        }
    }

    function bytesOnly(uint256[] calldata values) external returns (uint256 sum) {
        ends = block.timestamp;
        for (uint256 i = 0; i < values.length; ++i) sum += values[i];
    }

    function notVolatile() external view returns (uint256 sum) {
        sum = block.chainid + gasleft() + address(this).balance;
        for (uint256 i = 0; i < players.length; ++i) sum += points[players[i]];
    }

    function signer(bytes32 hash, uint8 v, bytes32 r, bytes32 s) external view returns (address) {
        require(block.timestamp < ends);
        return ecrecover(hash, v, r, s);
    }
}
