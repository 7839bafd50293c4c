// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title A board that many players walk and paint in real time
/// @notice Every step is one transaction: it moves the player and paints the cell in the player's colour. A cell
/// holds one player. Repainting somebody else's cell scores a point.
/// @dev A player is one storage slot and 32 cells share one, so that a step in known country writes few new slots:
/// growth of the state is what costs most on MegaETH.
contract GameGrid {
    struct Player {
        uint8 x;
        uint8 y;
        uint8 colour; // from 1; 0 means that the player is not on the board
        uint32 steps;
        uint32 score;
        uint64 seat; // number of the player, from 1
    }

    enum Direction {
        Up,
        Right,
        Down,
        Left
    }

    /// @notice The board is SIZE x SIZE cells; its edges are walls.
    uint8 public constant SIZE = 64;

    /// @notice Colour of each cell, 0 for unpainted; index is y * SIZE + x.
    uint8[4096] public paint;
    /// @notice All players by address.
    mapping(address who => Player) public players;
    /// @notice Who stands on a cell.
    mapping(uint8 x => mapping(uint8 y => address)) public standing;
    /// @notice Everyone who ever joined.
    address[] public seats;

    event Joined(address indexed player, uint64 seat, uint8 x, uint8 y, uint8 colour);
    event Stepped(address indexed player, uint8 x, uint8 y, uint32 score);
    event Left(address indexed player, uint32 steps, uint32 score);

    error AlreadyJoined();
    error NotJoined();
    error Wall(uint8 x, uint8 y, Direction towards);
    error CellTaken(uint8 x, uint8 y, address by);
    error OffTheBoard(uint8 x, uint8 y);
    error NoColour();

    /// @notice Puts the caller on a free cell.
    function join(uint8 x, uint8 y, uint8 colour) external {
        if (colour == 0) revert NoColour();
        if (x >= SIZE || y >= SIZE) revert OffTheBoard(x, y);
        Player storage player = players[msg.sender];
        if (player.colour != 0) revert AlreadyJoined();
        if (player.seat == 0) {
            seats.push(msg.sender);
            player.seat = uint64(seats.length);
        }
        player.colour = colour;
        _enter(player, x, y);
        emit Joined(msg.sender, player.seat, x, y, colour);
    }

    /// @notice Moves the caller one cell.
    function step(Direction towards) external {
        _step(towards);
    }

    /// @notice Moves the caller several cells in one transaction.
    function walk(Direction[] calldata path) external {
        for (uint256 i = 0; i < path.length; ++i) {
            _step(path[i]);
        }
    }

    /// @notice Takes the caller off the board; the paint and the score stay.
    function quit() external {
        Player storage player = players[msg.sender];
        if (player.colour == 0) revert NotJoined();
        delete standing[player.x][player.y];
        player.colour = 0;
        emit Left(msg.sender, player.steps, player.score);
    }

    /// @notice How many players ever joined.
    function seatCount() external view returns (uint256) {
        return seats.length;
    }

    /// @notice The colours of one row, for drawing.
    function row(uint8 y) external view returns (uint8[64] memory colours) {
        if (y >= SIZE) revert OffTheBoard(0, y);
        for (uint256 x = 0; x < SIZE; ++x) {
            colours[x] = paint[uint256(y) * SIZE + x];
        }
    }

    function _step(Direction towards) private {
        Player storage player = players[msg.sender];
        if (player.colour == 0) revert NotJoined();
        (uint8 x, uint8 y) = (player.x, player.y);
        bool wall = towards == Direction.Up
            ? y == 0
            : towards == Direction.Right ? x == SIZE - 1 : towards == Direction.Down ? y == SIZE - 1 : x == 0;
        if (wall) revert Wall(x, y, towards);
        delete standing[x][y];
        if (towards == Direction.Up) --y;
        else if (towards == Direction.Right) ++x;
        else if (towards == Direction.Down) ++y;
        else --x;
        player.steps += 1;
        _enter(player, x, y);
        emit Stepped(msg.sender, x, y, player.score);
    }

    function _enter(Player storage player, uint8 x, uint8 y) private {
        address other = standing[x][y];
        if (other != address(0)) revert CellTaken(x, y, other);
        standing[x][y] = msg.sender;
        (player.x, player.y) = (x, y);
        uint256 cell = uint256(y) * SIZE + x;
        uint8 before = paint[cell];
        if (before != 0 && before != player.colour) player.score += 1;
        paint[cell] = player.colour;
    }
}
