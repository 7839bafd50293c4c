import hardhatEthers from "@nomicfoundation/hardhat-ethers";
import hardhatIgnition from "@nomicfoundation/hardhat-ignition-ethers";
import hardhatHelpers from "@nomicfoundation/hardhat-network-helpers";
import hardhatUpgrades from "@openzeppelin/hardhat-upgrades";
import { defineConfig } from "hardhat/config";

const { RPC_URL, SOLC, SOLC_VERSION } = process.env;

export default defineConfig({
  plugins: [hardhatEthers, hardhatIgnition, hardhatHelpers, hardhatUpgrades],
  solidity: {
    version: SOLC_VERSION,
    path: SOLC,
    settings: { evmVersion: "prague", optimizer: { enabled: true } },
  },
  networks: { devnet: { type: "http", url: RPC_URL, accounts: "remote" } },
  ignition: { blockPollingInterval: 20, requiredConfirmations: 1 },
});
