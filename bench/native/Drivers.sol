// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {OrderBook} from "../../contracts/src/OrderBook.sol";
import {IERC20} from "../../contracts/src/interfaces/IERC20.sol";

// Many calls of a contract in one transaction: what native code gains where storage, hashes and calls dominate.

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
    function approve(address spender, uint256 value) external returns (bool);
}

interface IRouter {
    function addLiquidity(address tokenA, address tokenB, uint256 wantedA, uint256 wantedB) external;
    function swapExactIn(uint256 amountIn, uint256 minimumOut, address[] calldata path) external;
}

contract Transfers {
    /// n ERC-20 transfers to sixteen holders in turn.
    function run(uint256 n) external returns (uint256) {
        IToken token = IToken(address(0xA1));
        for (uint256 i = 0; i < n; i++) token.transfer(address(uint160(0x1000 + (i & 15))), i + 1);
        return n;
    }
}

contract Swaps {
    /// n swaps on one pair, there and back again.
    function run(uint256 n) external returns (uint256) {
        IRouter router = IRouter(address(0xC1));
        address[] memory path = new address[](2);
        (path[0], path[1]) = (address(0xA1), address(0xB1));
        IToken(path[0]).approve(address(router), type(uint256).max);
        IToken(path[1]).approve(address(router), type(uint256).max);
        router.addLiquidity(path[0], path[1], 1e23, 1e23);
        for (uint256 i = 0; i < n; i++) {
            router.swapExactIn(1e18 + i, 0, path);
            (path[0], path[1]) = (path[1], path[0]);
        }
        return n;
    }
}

contract Orders {
    /// n orders of one trader on a fresh book: sells rest at eight levels, every third order buys the best of them.
    /// Gives what traded.
    function run(uint256 n) external returns (uint256 traded) {
        OrderBook book = new OrderBook(IERC20(address(0xA1)), IERC20(address(0xB1)), 1e15);
        IToken(address(0xA1)).approve(address(book), type(uint256).max);
        IToken(address(0xB1)).approve(address(book), type(uint256).max);
        for (uint256 i = 0; i < n; i++) {
            if (i % 3 == 2) {
                (, uint96 filled) = book.place(false, 107, 15e14, 8);
                traded += filled;
            } else {
                book.place(true, uint8(100 + (i & 7)), uint96(1e15 + i), 8);
            }
        }
    }
}
