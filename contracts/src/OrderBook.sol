// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "./interfaces/IERC20.sol";

/// @title A limit order book for one market
/// @notice 256 price levels; at a level, first come first served. A new order first trades with the best resting
/// orders that it crosses, then rests. Both sides are escrowed here; proceeds are paid out at once.
/// @dev The levels that hold orders are one bit each, so the best price is found without walking. A cancelled order
/// keeps its place in its queue with nothing left and is dropped when it comes up. The tokens must be plain ERC-20
/// without transfer hooks or fees.
contract OrderBook {
    struct Order {
        address owner;
        uint96 remaining; // base units of the base token
        uint32 next; // next order of the level, 0 at the end
        uint8 tick;
        bool sell;
    }

    struct Level {
        uint32 first;
        uint32 last;
    }

    IERC20 public immutable base;
    IERC20 public immutable quote;
    /// @notice Price of a level: (tick + 1) * tickSize base units of quote for `UNIT` base units of base.
    uint256 public immutable tickSize;
    uint256 public constant UNIT = 1e18;

    /// @notice One bit for each price level that has buy orders.
    uint256 public bidLevels;
    /// @notice One bit for each price level that has sell orders.
    uint256 public askLevels;
    /// @notice The number of the newest order; orders count from 1.
    uint32 public orderCount;
    mapping(uint32 id => Order) public orders;
    mapping(bool sell => mapping(uint8 tick => Level)) public levels;

    event Placed(uint32 indexed id, address indexed owner, bool sell, uint8 tick, uint96 amount);
    event Filled(uint32 indexed id, address indexed maker, address indexed taker, uint8 tick, uint96 amount);
    event Cancelled(uint32 indexed id, uint96 remaining);

    error NoAmount();
    error NoPrice();
    error NotOwner(uint32 id, address owner);
    error AlreadyDone(uint32 id);
    error TransferFailed(address token);

    constructor(IERC20 base_, IERC20 quote_, uint256 tickSize_) {
        if (tickSize_ == 0) revert NoPrice();
        (base, quote, tickSize) = (base_, quote_, tickSize_);
    }

    /// @notice Trades up to `amount` at `tick` or better with at most `maxFills` resting orders; the rest, if any,
    /// becomes a resting order.
    /// @return id The resting order, 0 when everything was filled.
    /// @return filled What traded at once.
    function place(bool sell, uint8 tick, uint96 amount, uint256 maxFills)
        external
        returns (uint32 id, uint96 filled)
    {
        if (amount == 0) revert NoAmount();
        uint256 earned;
        (filled, earned) = _match(sell, tick, amount, maxFills);
        uint96 rest = amount - filled;
        // A rest that still crosses (maxFills reached) must not stand in the book: it is given back.
        if (rest != 0 && !_crosses(sell, tick)) id = _rest(sell, tick, rest);
        if (id == 0) rest = 0;

        if (sell) {
            _pull(base, address(this), rest);
            _pay(quote, earned);
        } else {
            _pull(quote, address(this), cost(tick, rest, true));
            _pay(base, earned);
        }
    }

    /// @notice Takes a resting order of the caller out of the book and pays back what it had escrowed.
    function cancel(uint32 id) external {
        Order storage order = orders[id];
        if (order.owner != msg.sender) revert NotOwner(id, order.owner);
        uint96 remaining = order.remaining;
        if (remaining == 0) revert AlreadyDone(id);
        order.remaining = 0;
        emit Cancelled(id, remaining);
        if (order.sell) _pay(base, remaining);
        else _pay(quote, cost(order.tick, remaining, false));
    }

    /// @notice The best buy level, if any.
    function bestBid() public view returns (bool exists, uint8 tick) {
        return (bidLevels != 0, _highest(bidLevels));
    }

    /// @notice The best sell level, if any.
    function bestAsk() public view returns (bool exists, uint8 tick) {
        unchecked {
            // x & -x keeps the lowest bit that is set.
            return (askLevels != 0, _highest(askLevels & (0 - askLevels)));
        }
    }

    /// @notice Base units of quote for `amount` at a level. Rounded up when paid in, down when paid out: the book
    /// never owes more than it holds.
    function cost(uint8 tick, uint96 amount, bool up) public view returns (uint256) {
        uint256 product = uint256(amount) * (uint256(tick) + 1) * tickSize;
        return up ? (product + UNIT - 1) / UNIT : product / UNIT;
    }

    function _match(bool sell, uint8 limit, uint96 amount, uint256 maxFills)
        private
        returns (uint96 filled, uint256 earned)
    {
        while (filled < amount && maxFills != 0 && _crosses(sell, limit)) {
            (, uint8 tick) = sell ? bestBid() : bestAsk();
            uint32 id = levels[!sell][tick].first;
            uint96 part = _fill(id, tick, amount - filled);
            if (part != 0) --maxFills;
            filled += part;
            earned += sell ? cost(tick, part, false) : part;
            if (orders[id].remaining == 0) _dropFirst(!sell, tick);
        }
    }

    /// @dev The maker is paid straight by the taker; what the taker gets stands in escrow until `place` ends.
    function _fill(uint32 id, uint8 tick, uint96 wanted) private returns (uint96 part) {
        Order storage order = orders[id];
        part = order.remaining < wanted ? order.remaining : wanted;
        if (part == 0) return 0;
        order.remaining -= part;
        emit Filled(id, order.owner, msg.sender, tick, part);
        if (order.sell) _pull(quote, order.owner, cost(tick, part, true));
        else _pull(base, order.owner, part);
    }

    function _rest(bool sell, uint8 tick, uint96 amount) private returns (uint32 id) {
        id = ++orderCount;
        orders[id] = Order({owner: msg.sender, remaining: amount, next: 0, tick: tick, sell: sell});
        Level storage level = levels[sell][tick];
        if (level.first == 0) level.first = id;
        else orders[level.last].next = id;
        level.last = id;
        if (sell) askLevels |= 1 << tick;
        else bidLevels |= 1 << tick;
        emit Placed(id, msg.sender, sell, tick, amount);
    }

    function _dropFirst(bool sell, uint8 tick) private {
        Level storage level = levels[sell][tick];
        level.first = orders[level.first].next;
        if (level.first != 0) return;
        level.last = 0;
        if (sell) askLevels &= ~(1 << tick);
        else bidLevels &= ~(1 << tick);
    }

    function _crosses(bool sell, uint8 limit) private view returns (bool) {
        (bool exists, uint8 tick) = sell ? bestBid() : bestAsk();
        return exists && (sell ? tick >= limit : tick <= limit);
    }

    function _pull(IERC20 token, address to, uint256 amount) private {
        if (amount != 0 && !token.transferFrom(msg.sender, to, amount)) revert TransferFailed(address(token));
    }

    function _pay(IERC20 token, uint256 amount) private {
        if (amount != 0 && !token.transfer(msg.sender, amount)) revert TransferFailed(address(token));
    }

    /// @dev Index of the highest set bit; 0 for 0.
    function _highest(uint256 bits) private pure returns (uint8 index) {
        for (uint8 step = 128; step != 0; step >>= 1) {
            if (bits >> step != 0) {
                bits >>= step;
                index += step;
            }
        }
    }
}
