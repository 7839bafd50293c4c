// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {AmmPair} from "./AmmPair.sol";
import {IERC20} from "./interfaces/IERC20.sol";

/// @title The safe way to trade on pairs
/// @notice Finds or makes the pair, moves the tokens and checks what the caller gets, all in one transaction.
/// @dev No deadlines: comparing with block.timestamp would put the rest of the transaction under gas detention, and
/// on a chain that includes a transaction within milliseconds the minimum amounts protect the trader.
contract AmmRouter {
    /// @notice The pair of two tokens, in ascending order of address; zero when there is none yet.
    mapping(address token0 => mapping(address token1 => AmmPair)) private pairs;
    /// @notice Every pair made here.
    AmmPair[] public allPairs;

    event PairMade(address indexed token0, address indexed token1, address pair);

    error NoPair(address tokenA, address tokenB);
    error PathTooShort();
    error TooLittleOut(uint256 amount, uint256 minimum);
    error TransferFailed(address token);

    /// @notice The pair of two tokens in any order; zero when there is none yet.
    function pairOf(address tokenA, address tokenB) public view returns (AmmPair) {
        (address token0, address token1) = _sort(tokenA, tokenB);
        return pairs[token0][token1];
    }

    /// @notice How many pairs were made here.
    function pairCount() external view returns (uint256) {
        return allPairs.length;
    }

    /// @notice Adds both tokens at the pair's present price and mints the shares to the caller. The first provider
    /// sets the price. At most the wanted amounts are taken.
    function addLiquidity(address tokenA, address tokenB, uint256 wantedA, uint256 wantedB)
        external
        returns (uint256 shares)
    {
        AmmPair pair = pairOf(tokenA, tokenB);
        if (address(pair) == address(0)) pair = _make(tokenA, tokenB);
        (uint256 reserveA, uint256 reserveB) = _reserves(pair, tokenA);
        (uint256 amountA, uint256 amountB) = (wantedA, wantedB);
        if (reserveA != 0) {
            uint256 matchingB = wantedA * reserveB / reserveA;
            if (matchingB <= wantedB) amountB = matchingB;
            else amountA = wantedB * reserveA / reserveB;
        }
        _pull(tokenA, address(pair), amountA);
        _pull(tokenB, address(pair), amountB);
        shares = pair.mint(msg.sender);
    }

    /// @notice Sells exactly `amountIn` of path[0] along the path for at least `minimumOut` of its last token.
    function swapExactIn(uint256 amountIn, uint256 minimumOut, address[] calldata path)
        external
        returns (uint256 amount)
    {
        if (path.length < 2) revert PathTooShort();
        AmmPair pair = _existing(path[0], path[1]);
        _pull(path[0], address(pair), amountIn);
        amount = amountIn;
        for (uint256 i = 0; i + 1 < path.length; ++i) {
            bool last = i + 2 == path.length;
            AmmPair next = last ? pair : _existing(path[i + 1], path[i + 2]);
            amount = _hop(pair, path[i], amount, last ? msg.sender : address(next));
            pair = next;
        }
        if (amount < minimumOut) revert TooLittleOut(amount, minimumOut);
    }

    /// @notice What `amountIn` of `tokenIn` would buy right now.
    function quote(uint256 amountIn, address tokenIn, address tokenOut) external view returns (uint256) {
        (uint256 reserveIn, uint256 reserveOut) = _reserves(_existing(tokenIn, tokenOut), tokenIn);
        return _amountOut(amountIn, reserveIn, reserveOut);
    }

    function _hop(AmmPair pair, address tokenIn, uint256 amountIn, address to) private returns (uint256 amountOut) {
        (uint256 reserveIn, uint256 reserveOut) = _reserves(pair, tokenIn);
        amountOut = _amountOut(amountIn, reserveIn, reserveOut);
        if (tokenIn == address(pair.token0())) pair.swap(0, amountOut, to);
        else pair.swap(amountOut, 0, to);
    }

    function _amountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) private pure returns (uint256) {
        uint256 afterFee = amountIn * 997;
        return afterFee * reserveOut / (reserveIn * 1000 + afterFee);
    }

    function _reserves(AmmPair pair, address tokenA) private view returns (uint256 reserveA, uint256 reserveB) {
        (uint256 reserve0, uint256 reserve1) = pair.reserves();
        return tokenA == address(pair.token0()) ? (reserve0, reserve1) : (reserve1, reserve0);
    }

    function _existing(address tokenA, address tokenB) private view returns (AmmPair pair) {
        pair = pairOf(tokenA, tokenB);
        if (address(pair) == address(0)) revert NoPair(tokenA, tokenB);
    }

    function _make(address tokenA, address tokenB) private returns (AmmPair pair) {
        (address token0, address token1) = _sort(tokenA, tokenB);
        pair = new AmmPair(IERC20(token0), IERC20(token1));
        pairs[token0][token1] = pair;
        allPairs.push(pair);
        emit PairMade(token0, token1, address(pair));
    }

    function _pull(address token, address to, uint256 amount) private {
        if (!IERC20(token).transferFrom(msg.sender, to, amount)) revert TransferFailed(token);
    }

    function _sort(address a, address b) private pure returns (address, address) {
        return a < b ? (a, b) : (b, a);
    }
}
