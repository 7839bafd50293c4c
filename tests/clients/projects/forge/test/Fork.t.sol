// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Token} from "../src/Token.sol";
import {EthLog, vm} from "../src/Vm.sol";

/// A chain on which TOKEN pays 1 wei to TO in each block from FIRST to LAST; MIDDLE_TX pays in block MIDDLE.
contract ForkTest {
    string url = vm.envString("RPC");
    Token token = Token(vm.envAddress("TOKEN"));
    address holder = vm.envAddress("HOLDER");
    address to = vm.envAddress("TO");
    uint256 first = vm.envUint("FIRST");
    uint256 middle = vm.envUint("MIDDLE");
    uint256 last = vm.envUint("LAST");

    function paid() private view returns (uint256) {
        return token.balanceOf(to);
    }

    function test_the_fork_of_the_command_line_is_at_its_block() external view {
        require(block.number == middle, "block.number");
        require(paid() == middle - first + 1, "paid");
    }

    function test_a_fork_is_made_at_an_old_block() external {
        vm.createSelectFork(url, first);
        require(block.number == first && paid() == 1, "at the first block");
        require(block.chainid == vm.envUint("CHAIN"), "chain id");
        require(blockhash(first - 1) == vm.envBytes32("BEFORE_FIRST"), "an ancestor's hash");
        require(block.timestamp == vm.envUint("FIRST_TIME"), "timestamp");
    }

    function test_a_fork_is_rolled_on_and_back() external {
        vm.createSelectFork(url, first);
        vm.rollFork(last);
        require(paid() == last - first + 1, "on");
        vm.rollFork(middle);
        require(paid() == middle - first + 1, "back");
    }

    function test_a_fork_is_rolled_to_a_transaction() external {
        vm.createSelectFork(url, last);
        vm.rollFork(vm.envBytes32("MIDDLE_TX"));
        require(paid() == middle - first, "before the transaction");
    }

    function test_a_fork_is_made_at_a_transaction_which_is_then_executed() external {
        bytes32 transaction = vm.envBytes32("MIDDLE_TX");
        vm.createSelectFork(url, transaction);
        uint256 before = paid();
        vm.transact(transaction);
        require(paid() == before + 1, "executed");
    }

    function test_two_forks_are_apart() external {
        uint256 early = vm.createFork(url, first);
        uint256 late = vm.createFork(url, last);
        vm.selectFork(early);
        vm.store(address(token), bytes32(uint256(99)), bytes32(uint256(1)));
        vm.selectFork(late);
        require(vm.load(address(token), bytes32(uint256(99))) == 0, "what was stored on the other");
        require(paid() == last - first + 1, "late");
        vm.selectFork(early);
        require(paid() == 1, "early");
    }

    function test_anybody_is_pranked_and_paid() external {
        vm.createSelectFork(url);
        vm.prank(holder);
        token.transfer(address(this), 5);
        require(token.balanceOf(address(this)) == 5, "pranked");
        vm.deal(to, 3 ether);
        require(to.balance == 3 ether, "dealt");
    }

    function test_logs_and_requests_reach_the_chain() external {
        vm.createSelectFork(url);
        bytes32[] memory topics = new bytes32[](1);
        topics[0] = Token.Transfer.selector;
        EthLog[] memory logs = vm.eth_getLogs(first, last, address(token), topics);
        require(logs.length == last - first + 1, "logs");
        require(vm.rpc("eth_blockNumber", "[]").length > 0, "a request");
    }
}
