"""Contracts of a given size, for measuring the compiler: an AMM pair whose liquidity earns rewards in some farms.

Each farm has state, rates and functions of its own, so that the optimiser can't share them: code grows as a project's
does, by more of the same kind. The larger ones have a function that computes, too.
"""

from __future__ import annotations

import array
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.programs import CALLED, GAS, LIMITS, SPEC, TOKENS, WrongResult, compiled
from devnet._engine import keccak256, run_code


@dataclass(frozen=True)
class Sized:
    """What makes about so much code."""

    kib: int
    parts: tuple[str, ...]
    """Of the pair."""
    farms: int = 0

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.kib} KiB contract"

    def source(self) -> str:
        """Solidity."""
        farms = (_FARM.format(n=n, rate=3 + 7 * n) for n in range(self.farms))
        return _HEAD + "contract Sized {\n" + "\n".join((*self.parts, *farms)) + "}\n"

    def runtime(self) -> bytes:
        """What the Solidity compiler makes of it."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "Sized.sol"
            path.write_text(self.source())
            return bytes.fromhex(compiled(path, "Sized").runtime)

    @property
    def computes(self) -> bool:
        """Whether it has a function that does."""
        return _CURVE in self.parts

    def computing(self, code: bytes, n: int) -> dict[str, Any]:
        """A call of that, for `run_code`."""
        return _request(code, _call("curve(uint256)", n))

    def used(self, code: bytes) -> bytes:
        """How often each instruction is executed when people use it: liquidity, swaps, transfers, some stakes."""
        counts = array.array("I", bytes(4 * len(code)))
        storage: dict[str, str] = {}
        for calldata, balances in self._calls():
            accounts = {
                CALLED: {"storage": storage},
                **{
                    token: {"code": f"0x{_ANSWERS.hex()}", "storage": {"0x0": hex(balance)}}
                    for token, balance in zip(TOKENS, balances, strict=True)
                },
            }
            request = _request(code, calldata) | {"accounts": accounts, "native": {}, "watched": True}
            report = json.loads(run_code(json.dumps(request).encode()))
            if report["status"] != "success":
                raise WrongResult(f"{self.name}: {report['status']} {report['output']}")
            storage |= report["state"][CALLED]["storage"]
            seen = array.array("I", bytes.fromhex(report["seen"][2:]))
            counts = array.array("I", map(sum, zip(counts, seen, strict=True)))
        return counts.tobytes()

    def _calls(self) -> Iterator[tuple[bytes, tuple[int, int]]]:
        """Calldata, and what the pair has of either token by then."""
        have, out, paid, other = 10**20, 10**6, 10**18, 0xB0B
        full = (have, have)
        if _POOL in self.parts:
            yield _call("mint(address)", _CALLER), full
            yield _call("quote(uint256,bool)", 1_000, 1), full
            yield _call("swap(uint256,uint256,address)", out, 0, other), (have - out, have + paid)
            yield (
                _call("swap(uint256,uint256,address)", 0, out, other),
                (have - out + paid, have + paid - out),
            )
        yield _call("approve(address,uint256)", other, 1), full
        if self.farms:
            yield _call("stake1(uint256,uint64)", 1_000, 2), full
            yield _call("leave1(uint256)", 10), full
        if _POOL in self.parts:
            yield _call("transfer(address,uint256)", int(CALLED, 16), 5_000), full
            yield _call("burn(address)", other), full
        if _CURVE in self.parts:
            yield _call("curve(uint256)", 2), full


_CALLER: Final = 0xCA11
_ANSWERS: Final = bytes.fromhex("36602414601157600160005260206000f35b60005460005260206000f3")
"""A token for which everything goes well: to `balanceOf` it answers with what lies in its first slot, else true."""


def _call(signature: str, *arguments: int) -> bytes:
    return keccak256(signature.encode())[:4] + b"".join(one.to_bytes(32) for one in arguments)


def _request(code: bytes, calldata: bytes) -> dict[str, Any]:
    return {
        "spec": SPEC,
        "gas": GAS,
        "limits": LIMITS,
        "code": f"0x{code.hex()}",
        "calldata": f"0x{calldata.hex()}",
        "from": f"0x{_CALLER:040x}",
    }


_HEAD: Final = """// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

interface IToken {
    function balanceOf(address holder) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

"""

_TOKEN: Final = """    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public totalSupply;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    error TooLittle(uint256 have, uint256 wanted);

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert TooLittle(allowed, value);
            allowance[from][msg.sender] = allowed - value;
        }
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        if (balanceOf[from] < value) revert TooLittle(balanceOf[from], value);
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
"""

_POOL: Final = """    IToken public constant token0 = IToken(address(0xA1));
    IToken public constant token1 = IToken(address(0xB1));
    uint112 public reserve0;
    uint112 public reserve1;
    uint32 public updatedAt;
    uint256 public price0Sum;
    uint256 public price1Sum;
    uint256 private locked;

    event Mint(address indexed sender, uint256 amount0, uint256 amount1);
    event Burn(address indexed sender, uint256 amount0, uint256 amount1, address indexed to);
    event Swap(address indexed sender, uint256 in0, uint256 in1, uint256 out0, uint256 out1, address indexed to);
    error Locked();
    error Constant(uint256 before, uint256 after_);

    modifier once() {
        if (locked != 0) revert Locked();
        locked = 1;
        _;
        locked = 0;
    }

    function mint(address to) external once returns (uint256 shares) {
        (uint256 have0, uint256 have1) = (token0.balanceOf(address(this)), token1.balanceOf(address(this)));
        (uint256 amount0, uint256 amount1) = (have0 - reserve0, have1 - reserve1);
        if (totalSupply == 0) {
            shares = _root(amount0 * amount1) - 1000;
            _issue(address(0), 1000);
        } else {
            uint256 by0 = amount0 * totalSupply / reserve0;
            uint256 by1 = amount1 * totalSupply / reserve1;
            shares = by0 < by1 ? by0 : by1;
        }
        if (shares == 0) revert TooLittle(shares, 1);
        _issue(to, shares);
        _update(have0, have1);
        emit Mint(msg.sender, amount0, amount1);
    }

    function burn(address to) external once returns (uint256 amount0, uint256 amount1) {
        (uint256 have0, uint256 have1) = (token0.balanceOf(address(this)), token1.balanceOf(address(this)));
        uint256 shares = balanceOf[address(this)];
        (amount0, amount1) = (shares * have0 / totalSupply, shares * have1 / totalSupply);
        if (amount0 == 0 || amount1 == 0) revert TooLittle(shares, 1);
        balanceOf[address(this)] = 0;
        totalSupply -= shares;
        require(token0.transfer(to, amount0) && token1.transfer(to, amount1), "transfer");
        _update(have0 - amount0, have1 - amount1);
        emit Burn(msg.sender, amount0, amount1, to);
    }

    function swap(uint256 out0, uint256 out1, address to) external once {
        if (out0 >= reserve0 || out1 >= reserve1) revert TooLittle(reserve0, out0);
        if (out0 != 0) require(token0.transfer(to, out0), "transfer");
        if (out1 != 0) require(token1.transfer(to, out1), "transfer");
        (uint256 have0, uint256 have1) = (token0.balanceOf(address(this)), token1.balanceOf(address(this)));
        uint256 in0 = have0 > reserve0 - out0 ? have0 - (reserve0 - out0) : 0;
        uint256 in1 = have1 > reserve1 - out1 ? have1 - (reserve1 - out1) : 0;
        uint256 after_ = (have0 * 1000 - in0 * 3) * (have1 * 1000 - in1 * 3);
        uint256 before = uint256(reserve0) * reserve1 * 1e6;
        if (after_ < before) revert Constant(before, after_);
        _update(have0, have1);
        emit Swap(msg.sender, in0, in1, out0, out1, to);
    }

    function sync() external once {
        _update(token0.balanceOf(address(this)), token1.balanceOf(address(this)));
    }

    function quote(uint256 amountIn, bool first) external view returns (uint256) {
        (uint256 from, uint256 to) = first ? (reserve0, reserve1) : (reserve1, reserve0);
        return amountIn * 997 * to / (from * 1000 + amountIn * 997);
    }

    function _update(uint256 have0, uint256 have1) private {
        unchecked {
            uint32 passed = uint32(block.timestamp) - updatedAt;
            if (passed != 0 && reserve0 != 0 && reserve1 != 0) {
                price0Sum += (uint256(reserve1) << 112) / reserve0 * passed;
                price1Sum += (uint256(reserve0) << 112) / reserve1 * passed;
            }
        }
        (reserve0, reserve1, updatedAt) = (uint112(have0), uint112(have1), uint32(block.timestamp));
    }

    function _issue(address to, uint256 shares) private {
        totalSupply += shares;
        balanceOf[to] += shares;
        emit Transfer(address(0), to, shares);
    }

    function _root(uint256 square) private pure returns (uint256 root) {
        if (square < 4) return square == 0 ? 0 : 1;
        root = square;
        for (uint256 next = square / 2 + 1; next < root;) {
            root = next;
            next = (square / next + next) / 2;
        }
    }
"""

_CURVE: Final = """    function curve(uint256 n) external pure returns (uint256 sum) {
        for (uint256 i = 1; i <= n; ++i) sum += _root(i * 1e18) % 997;
    }
"""

_PERMIT: Final = """    mapping(address => uint256) public nonces;
    bytes32 public immutable domain;

    error Expired(uint256 deadline);
    error BadSignature(address signer);

    constructor() {
        domain = keccak256(abi.encode(keccak256("EIP712Domain(uint256 chainId,address verifyingContract)"),
            block.chainid, address(this)));
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        if (deadline < block.timestamp) revert Expired(deadline);
        bytes32 content = keccak256(abi.encode(
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
            owner, spender, value, nonces[owner]++, deadline));
        address signer = ecrecover(keccak256(abi.encodePacked("\\x19\\x01", domain, content)), v, r, s);
        if (signer == address(0) || signer != owner) revert BadSignature(signer);
        allowance[owner][spender] = value;
        emit Approval(owner, spender, value);
    }
"""

_FARM: Final = """    struct Stake{n} {{
        uint128 shares;
        uint64 since;
        uint64 boost;
        uint256 paid;
    }}

    mapping(address => Stake{n}) public stakes{n};
    uint256 private staked{n};
    uint256 private perShare{n};
    uint256 private seenAt{n};

    event Staked{n}(address indexed who, uint256 shares, uint256 perShare);

    function stake{n}(uint256 shares, uint64 boost) external returns (uint256 earned) {{
        if (balanceOf[msg.sender] < shares) revert TooLittle(balanceOf[msg.sender], shares);
        earned = _settle{n}(msg.sender);
        balanceOf[msg.sender] -= shares;
        stakes{n}[msg.sender].shares += uint128(shares);
        stakes{n}[msg.sender].boost = boost > {rate} ? {rate} : boost;
        staked{n} += shares;
        emit Staked{n}(msg.sender, shares, perShare{n});
    }}

    function leave{n}(uint256 shares) external returns (uint256 earned) {{
        earned = _settle{n}(msg.sender);
        Stake{n} storage mine = stakes{n}[msg.sender];
        if (mine.shares < shares) revert TooLittle(mine.shares, shares);
        unchecked {{
            mine.shares -= uint128(shares);
            staked{n} -= shares;
        }}
        balanceOf[msg.sender] += shares + earned;
    }}

    function _settle{n}(address who) private returns (uint256 earned) {{
        if (staked{n} != 0) perShare{n} += (block.timestamp - seenAt{n}) * {rate} * 1e18 / staked{n};
        seenAt{n} = block.timestamp;
        Stake{n} storage one = stakes{n}[who];
        earned = one.shares * (perShare{n} - one.paid) * (100 + one.boost) / 1e20;
        (one.paid, one.since) = (perShare{n}, uint64(block.timestamp));
    }}
"""

SIZES: Final = (
    Sized(1, (_TOKEN,)),
    Sized(5, (_TOKEN, _POOL)),
    Sized(10, (_TOKEN, _POOL, _PERMIT), 4),
    Sized(24, (_TOKEN, _POOL, _PERMIT, _CURVE), 19),
    Sized(64, (_TOKEN, _POOL, _PERMIT, _CURVE), 61),
    Sized(100, (_TOKEN, _POOL, _PERMIT, _CURVE), 95),
)
