// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract Suppressed {
    function end(address payable to) external {
        // megaeth-lint: ignore[selfdestruct] sends what is left
        selfdestruct(to);
    }

    function endNow(address payable to) external {
        selfdestruct(to); // megaeth-lint: ignore[selfdestruct, stipend] the same
    }

    function other(address payable to) external {
        // megaeth-lint: ignore[stipend] another rule, which finds nothing here
        selfdestruct(to);
    }

    function noReason(address payable to) external {
        // megaeth-lint: ignore[selfdestruct]
        selfdestruct(to);
    }

    function noRule(address payable to) external {
        // megaeth-lint: ignore[self-destruct] a rule that is none
        selfdestruct(to);
    }

    string public text = "// megaeth-lint: ignore[nothing]";
}
