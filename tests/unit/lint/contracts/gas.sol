// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IReceiver {
    function receiveTokens(uint256 amount) external;
    function supportsInterface(bytes4 id) external view returns (bool);
}

contract GasFound {
    uint256 constant CALLBACK_GAS = 50_000;

    function callback(IReceiver receiver) external {
        receiver.receiveTokens{gas: 30_000}(1); // warning: fixed-gas
        receiver.receiveTokens{gas: CALLBACK_GAS}(1); // warning: fixed-gas
    }

    function send(address to) external {
        (bool ok, ) = to.call{value: 1, gas: 2300}(""); // warning: fixed-gas
        require(ok);
    }

    function assembled(address to) external {
        assembly {
            pop(call(5000, to, 1, 0, 0, 0, 0)) // warning: fixed-gas
        }
    }

    function refund(uint256 price) external {
        uint256 gasUsed = 21000 + price; // warning: intrinsic-gas
        payable(msg.sender).transfer(gasUsed * price); // note: stipend
    }

    function tip(address payable to) external returns (bool) {
        return to.send(1); // note: stipend
    }

    function check(uint256 wanted) external view {
        require(gasleft() * 63 / 64 >= wanted); // warning: forwarded-gas, warning: forwarded-gas
        uint256 gasLeft = gasleft();
        if (gasLeft < wanted / 63) revert(); // warning: forwarded-gas
    }
}

contract GasMissed {
    uint256 public supply = 21000;

    function ask(IReceiver receiver, uint256 gas_) external returns (bool) {
        receiver.receiveTokens{gas: gas_}(1);
        receiver.receiveTokens(1);
        return receiver.supportsInterface{gas: 30_000}(0x01ffc9a7);
    }

    function read(address to) external view returns (bool ok) {
        assembly {
            ok := staticcall(30000, to, 0, 0, 0, 0)
        }
    }

    function pay(address to) external {
        (bool ok, ) = to.call{value: 1}("");
        require(ok);
    }

    function transfer(address, uint256 amount) external pure returns (uint256) {
        return this.pay.selector == 0 ? amount * 63 / 64 : amount + 21000;
    }

    function gasPrice() external view returns (uint256) {
        return tx.gasprice + 2100 + gasleft() % 64;
    }
}

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
}

contract TokenMissed {
    function move(IToken token) external {
        token.transfer(msg.sender, 1);
    }
}
