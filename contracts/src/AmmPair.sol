// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "./interfaces/IERC20.sol";

/// @title A constant-product market for two tokens
/// @notice reserve0 * reserve1 never falls, but for withdrawals. Traders pay 0.3 %, which stays in the reserves.
/// Tokens are sent to the pair first and accounted for by the call that follows; use `AmmRouter`, which does both
/// in one transaction.
/// @dev There is no price accumulator on purpose: reading block.timestamp would put every swap under gas detention.
/// Tokens that take a fee on transfer or rebase are not supported.
contract AmmPair {
    /// @notice The first LP shares ever minted are locked, so that a share can't be made arbitrarily dear.
    uint256 public constant MINIMUM_LIQUIDITY = 1000;

    IERC20 public immutable token0;
    IERC20 public immutable token1;

    uint112 private reserve0;
    uint112 private reserve1;
    bool private locked;

    /// @notice All LP shares.
    uint256 public totalShares;
    /// @notice LP shares of an account.
    mapping(address provider => uint256) public sharesOf;

    event Mint(address indexed provider, uint256 amount0, uint256 amount1, uint256 shares);
    event Burn(address indexed provider, uint256 amount0, uint256 amount1, uint256 shares);
    event Swap(
        address indexed sender,
        address indexed to,
        uint256 amount0In,
        uint256 amount1In,
        uint256 amount0Out,
        uint256 amount1Out
    );

    error SameToken();
    error Reentered();
    error TooLittleLiquidity();
    error NotEnoughShares(uint256 owned, uint256 needed);
    error NothingOut();
    error ReserveTooSmall(uint256 reserve, uint256 wanted);
    error ReserveTooLarge();
    error ProductFell(uint256 before, uint256 afterwards);
    error TransferFailed(address token);

    modifier once() {
        if (locked) revert Reentered();
        locked = true;
        _;
        locked = false;
    }

    constructor(IERC20 first, IERC20 second) {
        if (address(first) == address(second)) revert SameToken();
        (token0, token1) = address(first) < address(second) ? (first, second) : (second, first);
    }

    /// @notice What the pair holds of each token.
    function reserves() external view returns (uint256, uint256) {
        return (reserve0, reserve1);
    }

    /// @notice Mints shares to `to` for the tokens that arrived since the last call.
    function mint(address to) external once returns (uint256 shares) {
        (uint256 balance0, uint256 balance1) = _balances();
        uint256 amount0 = balance0 - reserve0;
        uint256 amount1 = balance1 - reserve1;
        uint256 total = totalShares;
        if (total == 0) {
            uint256 root = _sqrt(amount0 * amount1);
            if (root <= MINIMUM_LIQUIDITY) revert TooLittleLiquidity();
            shares = root - MINIMUM_LIQUIDITY;
            sharesOf[address(0)] = MINIMUM_LIQUIDITY;
            totalShares = root;
        } else {
            shares = _min(amount0 * total / reserve0, amount1 * total / reserve1);
            if (shares == 0) revert TooLittleLiquidity();
            totalShares = total + shares;
        }
        sharesOf[to] += shares;
        _keep(balance0, balance1);
        emit Mint(to, amount0, amount1, shares);
    }

    /// @notice Burns the caller's shares and pays out their part of both reserves to `to`.
    function burn(uint256 shares, address to) external once returns (uint256 amount0, uint256 amount1) {
        uint256 owned = sharesOf[msg.sender];
        if (owned < shares) revert NotEnoughShares(owned, shares);
        uint256 total = totalShares;
        amount0 = shares * reserve0 / total;
        amount1 = shares * reserve1 / total;
        if (amount0 == 0 || amount1 == 0) revert TooLittleLiquidity();
        sharesOf[msg.sender] = owned - shares;
        totalShares = total - shares;
        _pay(token0, to, amount0);
        _pay(token1, to, amount1);
        (uint256 balance0, uint256 balance1) = _balances();
        _keep(balance0, balance1);
        emit Burn(msg.sender, amount0, amount1, shares);
    }

    /// @notice Pays out the wanted amounts; what came in since the last call must make up for it.
    function swap(uint256 amount0Out, uint256 amount1Out, address to) external once {
        if (amount0Out == 0 && amount1Out == 0) revert NothingOut();
        (uint256 before0, uint256 before1) = (reserve0, reserve1);
        if (amount0Out >= before0) revert ReserveTooSmall(before0, amount0Out);
        if (amount1Out >= before1) revert ReserveTooSmall(before1, amount1Out);
        if (amount0Out > 0) _pay(token0, to, amount0Out);
        if (amount1Out > 0) _pay(token1, to, amount1Out);

        (uint256 balance0, uint256 balance1) = _balances();
        uint256 amount0In = balance0 - (before0 - amount0Out);
        uint256 amount1In = balance1 - (before1 - amount1Out);
        uint256 product = (balance0 * 1000 - amount0In * 3) * (balance1 * 1000 - amount1In * 3);
        if (product < before0 * before1 * 1_000_000) revert ProductFell(before0 * before1, product / 1_000_000);
        _keep(balance0, balance1);
        emit Swap(msg.sender, to, amount0In, amount1In, amount0Out, amount1Out);
    }

    function _balances() private view returns (uint256, uint256) {
        return (token0.balanceOf(address(this)), token1.balanceOf(address(this)));
    }

    function _keep(uint256 balance0, uint256 balance1) private {
        if (balance0 > type(uint112).max || balance1 > type(uint112).max) revert ReserveTooLarge();
        (reserve0, reserve1) = (uint112(balance0), uint112(balance1));
    }

    function _pay(IERC20 token, address to, uint256 amount) private {
        if (!token.transfer(to, amount)) revert TransferFailed(address(token));
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    /// @dev Newton's method from above: falls until it stops falling.
    function _sqrt(uint256 x) private pure returns (uint256 root) {
        if (x == 0) return 0;
        root = x;
        uint256 next = x / 2 + 1;
        while (next < root) {
            root = next;
            next = (x / next + next) / 2;
        }
    }
}
