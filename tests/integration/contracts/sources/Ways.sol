// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

// One function for each way to fail on MegaETH. The comment at a line is the name of the way that fails there.

interface Clock {
    function timestamp() external returns (uint256);
}

interface Control {
    function disableVolatileDataAccess() external;
}

contract Callee {
    uint256 public kept;

    error TooSmall(uint256 got, uint256 wanted);

    function check(uint256 n) external pure {
        if (n < 10) {
            revert TooSmall(n, 10); // passed-on
        }
    }

    function burn() external pure returns (uint256 x) {
        while (true) {
            x = uint256(keccak256(abi.encode(x))); // compute-budget
        }
    }

    function grow(uint256 count) external {
        for (uint256 n = 0; n < count; n++) {
            assembly {
                sstore(add(n, 1000), 1) // growth-budget
            }
        }
    }

    function write(uint256 n) external {
        kept = n; // static-write
    }

    receive() external payable {
        kept = 7; // stipend
    }
}

contract Ways {
    Callee public callee = new Callee();
    uint256 public total;
    uint256[] public list;

    event Seen(uint256 indexed n, string what);

    error Denied(address who, uint256 n);

    function custom(uint256 n) external {
        total = n;
        if (n > 5) revert Denied(msg.sender, n); // custom
    }

    function message(bool ok) external {
        require(ok, "not ok"); // message
        total = 1;
    }

    function silent(bool ok) external {
        require(ok); // silent
        total = 1;
    }

    function overflow(uint256 n) external {
        total = n + type(uint256).max; // overflow
    }

    function index(uint256 n) external {
        total = list[n]; // index
    }

    function asserted(uint256 n) external {
        assert(n == 1); // asserted
        total = n;
    }

    function bad() external pure {
        assembly {
            invalid() // invalid
        }
    }

    function passedOn(uint256 n) external {
        emit Seen(n, "before");
        callee.check(n);
        total = n;
    }

    function pay(address payable to) external payable {
        to.transfer(msg.value);
    }

    function writeInView(uint256 n) external view {
        (bool ok, bytes memory data) =
            address(callee).staticcall(abi.encodeCall(Callee.write, (n)));
        if (!ok) {
            assembly {
                revert(add(data, 32), mload(data))
            }
        }
    }

    function spin(uint256 turns) external {
        uint256 x = turns;
        for (uint256 n = 0; n < turns; n++) {
            x = uint256(keccak256(abi.encode(x))); // compute-limit out-of-gas
        }
        total = x;
    }

    function spinInside() external view returns (uint256) {
        return callee.burn();
    }

    function grow(uint256 count) external {
        for (uint256 n = 0; n < count; n++) {
            assembly {
                sstore(add(n, 2000), 1) // growth-limit crowded
            }
        }
    }

    function growInside(uint256 count) external {
        callee.grow(count);
    }

    function shout(uint256 size, uint256 times) external {
        bytes memory data = new bytes(size);
        for (uint256 n = 0; n < times; n++) {
            assembly {
                log0(add(data, 32), size) // data-limit
            }
        }
    }

    function late(uint256 turns) external {
        uint256 x = block.timestamp; // reads-timestamp
        for (uint256 n = 0; n < turns; n++) {
            x = uint256(keccak256(abi.encode(x, n))); // detained
        }
        total = x;
    }

    function clocked(uint256 turns) external {
        uint256 x = Clock(0x6342000000000000000000000000000000000002).timestamp(); // reads-oracle
        for (uint256 n = 0; n < turns; n++) {
            x = uint256(keccak256(abi.encode(n, x, n))); // detained-by-oracle
        }
        total = x;
    }

    function scatter(uint256 count) external payable {
        for (uint256 n = 0; n < count; n++) {
            payable(address(uint160(uint256(keccak256(abi.encode(n, count)))))).transfer(1); // scattered
        }
    }

    function caught() external returns (bool ok) {
        (ok, ) = address(callee).call(abi.encodeCall(Callee.grow, (2000)));
        total = 1;
    }

    function forbidden() external returns (uint256) {
        Control(0x6342000000000000000000000000000000000004).disableVolatileDataAccess();
        return this.time();
    }

    function time() external view returns (uint256) {
        return block.timestamp; // forbidden
    }
}

contract Large {
    uint256 public n;

    function a() external { n = n * 3 + 1; }
    function b() external { n = n * 5 + 1; }
}

contract Picky {
    uint256 public half;

    constructor(uint256 n) {
        half = n / 2;
        require(half > 4, "too small"); // constructor
    }
}

contract Maker {
    function make(uint256 n) external {
        new Picky(n);
    }
}
