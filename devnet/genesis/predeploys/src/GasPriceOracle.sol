// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IL1Block {
    function basefee() external view returns (uint256);
    function blobBaseFee() external view returns (uint256);
    function baseFeeScalar() external view returns (uint32);
    function blobBaseFeeScalar() external view returns (uint32);
    function operatorFeeScalar() external view returns (uint32);
    function operatorFeeConstant() external view returns (uint64);
}

/// Fee estimates for contracts, at 0x420000000000000000000000000000000000000F. The L1 data fee is Fjord's formula with
/// the data's size bounded from above instead of measured by compression: exactly zero while L1Block stands at zero.
contract GasPriceOracle {
    IL1Block private constant L1_BLOCK = IL1Block(0x4200000000000000000000000000000000000015);
    uint256 public constant DECIMALS = 6;
    uint256 private constant MIN_TRANSACTION_SIZE = 100;
    uint256 private constant SIGNATURE_BYTES = 68;
    bool public constant isEcotone = true;
    bool public constant isFjord = true;
    bool public constant isIsthmus = true;

    function version() external pure returns (string memory) {
        return "1.4.0-devnet";
    }

    function gasPrice() external view returns (uint256) {
        return block.basefee;
    }

    function baseFee() external view returns (uint256) {
        return block.basefee;
    }

    function decimals() external pure returns (uint256) {
        return DECIMALS;
    }

    function l1BaseFee() public view returns (uint256) {
        return L1_BLOCK.basefee();
    }

    function blobBaseFee() public view returns (uint256) {
        return L1_BLOCK.blobBaseFee();
    }

    function baseFeeScalar() public view returns (uint32) {
        return L1_BLOCK.baseFeeScalar();
    }

    function blobBaseFeeScalar() public view returns (uint32) {
        return L1_BLOCK.blobBaseFeeScalar();
    }

    function getL1Fee(bytes calldata transaction) external view returns (uint256) {
        return getL1FeeUpperBound(transaction.length);
    }

    function getL1FeeUpperBound(uint256 unsignedTxSize) public view returns (uint256) {
        uint256 size = unsignedTxSize + SIGNATURE_BYTES;
        size = size + size / 255 + 16;
        if (size < MIN_TRANSACTION_SIZE) size = MIN_TRANSACTION_SIZE;
        uint256 price = l1BaseFee() * baseFeeScalar() * 16 + blobBaseFee() * blobBaseFeeScalar();
        return size * price / 10 ** (DECIMALS * 2) * 10 ** DECIMALS;
    }

    function getOperatorFee(uint256 gasUsed) external view returns (uint256) {
        return gasUsed * L1_BLOCK.operatorFeeScalar() / 1e6 + L1_BLOCK.operatorFeeConstant();
    }
}
