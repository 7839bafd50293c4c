// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

library Sets {
    struct Set {
        bytes32[] values;
        mapping(bytes32 => uint256) places;
    }

    function add(Set storage self, bytes32 value) internal {
        self.values.push(value);
        self.places[value] = self.values.length;
    }

    function remove(Set storage self, bytes32 value) internal {
        bytes32 last = self.values[self.values.length - 1];
        self.values[self.places[value] - 1] = last;
        self.places[last] = self.places[value];
        self.values.pop();
        delete self.places[value];
    }
}

contract Child {}

contract SlotsFound {
    using Sets for Sets.Set;

    struct Account {
        uint256 balance;
        uint256 paid;
    }

    address[] public holders;
    mapping(address => uint256) public owed;
    mapping(address => Account) public accounts;
    mapping(uint256 => address) public owners;
    uint256 public nextId;
    Sets.Set private set;

    function distribute() external {
        for (uint256 i = 0; i < holders.length; ++i) { // warning: slots-in-loop
            owed[holders[i]] += 1;
        }
    }

    function airdrop(address[] calldata to) external {
        uint256 count = to.length;
        for (uint256 i; i < count; ++i) { // note: slots-in-loop
            accounts[to[i]].balance = 1;
        }
    }

    function mint(uint256 n) external {
        for (uint256 i; i < n; ++i) _mint(msg.sender); // note: slots-in-loop
    }

    function _mint(address to) internal {
        owners[nextId++] = to;
    }

    function fill() external {
        for (uint256 i = 0; i < 1001; ++i) holders.push(msg.sender); // error: slots-in-loop
    }

    function addAll(bytes32[] calldata values) external {
        for (uint256 i; i < values.length; i++) set.add(values[i]); // note: slots-in-loop
    }

    function pointer(address[] calldata to) external {
        for (uint256 i; i < to.length; i++) { // note: slots-in-loop
            Account storage account = accounts[to[i]];
            account.paid = block.chainid;
        }
    }

    function clones(uint256 n) external {
        for (uint256 i; i < n; i++) new Child(); // note: slots-in-loop, note: contract-creation
    }
}

contract SlotsMissed {
    using Sets for Sets.Set;

    uint256 public constant PAGE = 500;
    address[] public holders;
    mapping(address => uint256) public owed;
    mapping(uint256 => uint256) public tree;
    uint256 public total;
    Sets.Set private set;

    function page(uint256 from) external {
        for (uint256 i = 0; i < PAGE; ++i) owed[holders[from + i]] += 1;
    }

    function sum() external {
        for (uint256 i = 0; i < holders.length; ++i) total += owed[holders[i]];
    }

    function forget() external {
        for (uint256 i = 0; i < holders.length; ++i) delete owed[holders[i]];
        for (uint256 i = 0; i < holders.length; ++i) owed[holders[i]] = 0;
        for (uint256 i = 0; i < holders.length; ++i) owed[holders[i]] -= 1;
    }

    function same(uint256 n) external {
        for (uint256 i = 0; i < n; ++i) owed[msg.sender] += i;
    }

    function climb(uint256 leaf) external {
        for (uint256 i = leaf; i > 0; i /= 2) tree[i] += 1;
    }

    function removeAll(bytes32[] calldata values) external {
        for (uint256 i; i < values.length; i++) set.remove(values[i]);
    }

    function inMemory(uint256 n) external pure returns (uint256[] memory made) {
        made = new uint256[](n);
        for (uint256 i; i < n; i++) made[i] = i;
    }

    function small(uint8 depth) external {
        for (uint256 i; i < depth; i++) tree[i] = 1;
    }
}
