// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Statements whose ends the optimiser shares, and ends that look as if it did.
contract Lines {
    error Bad(uint256 code);

    uint256 x = 1;

    function afterIf(uint256 n) external view returns (uint256 s) {
        if (n > 3) {
            s = x + 4;
        } else {
            s = 9;
        }
        revert Bad(s); // after-if
    }

    function direct(uint256 n) external view returns (uint256 r) {
        r = helper(n);
        if (r > 100) return r;
        revert Bad(r); // direct
    }

    function helper(uint256 n) internal view returns (uint256) {
        if (n > 50) return n * x;
        return n + x;
    }

    function afterLoop(uint256 n) external view {
        for (uint256 i = 0; i < n; i++) {
            if (i > x + 100) break;
        }
        require(n == 1234567); // after-loop
    }

    function long(uint256 n) external pure {
        bytes memory text = new bytes(n);
        for (uint256 i; i < n; i++) text[i] = "A";
        revert(string(text)); // long
    }

    function passed(string calldata text) external pure {
        revert(text); // passed
    }

    function inner(uint256 n) external pure {
        require(n > 5, "inner"); // inner
    }

    function burnThenInner(uint256 n) external view {
        burn(n);
        this.inner(2);
    }

    function burnThenCheck(uint256 n) external view {
        burn(n);
        if (x == 1) {
            revert("not allowed"); // burnt
        }
    }

    function burn(uint256 n) internal pure {
        for (uint256 i = 0; i < n; i++) {
            assembly {
                pop(keccak256(0, 64))
            }
        }
    }
}
