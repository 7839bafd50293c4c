// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title A plain ERC-20 token with a fixed supply
/// @notice The whole supply goes to whoever deploys it. Errors carry the names and fields of ERC-6093, so wallets
/// and explorers know them.
contract Token {
    /// @notice The token's long name.
    string public name;
    /// @notice The token's ticker.
    string public symbol;
    /// @notice Base units in one token: 10 ** 18.
    uint8 public constant decimals = 18;
    /// @notice All base units in existence.
    uint256 public immutable totalSupply;
    /// @notice Base units that an account owns.
    mapping(address account => uint256) public balanceOf;
    /// @notice Base units of `owner` that `spender` may move.
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    error ERC20InvalidReceiver(address receiver);

    /// @param name_ Long name.
    /// @param symbol_ Ticker.
    /// @param supply Whole tokens to create (not base units).
    constructor(string memory name_, string memory symbol_, uint256 supply) {
        name = name_;
        symbol = symbol_;
        totalSupply = supply * 10 ** decimals;
        balanceOf[msg.sender] = totalSupply;
        emit Transfer(address(0), msg.sender, totalSupply);
    }

    /// @notice Moves `value` base units from the caller to `to`.
    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    /// @notice Lets `spender` move up to `value` base units of the caller.
    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    /// @notice Moves `value` base units from `from` to `to` out of the caller's allowance.
    /// An allowance of 2^256-1 is never used up.
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert ERC20InsufficientAllowance(msg.sender, allowed, value);
            unchecked {
                allowance[from][msg.sender] = allowed - value;
            }
        }
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        uint256 balance = balanceOf[from];
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        unchecked {
            balanceOf[from] = balance - value;
            // The sum of all balances is totalSupply, so this cannot overflow.
            balanceOf[to] += value;
        }
        emit Transfer(from, to, value);
    }
}
