require("@nomicfoundation/hardhat-ignition");
const { subtask } = require("hardhat/config");

const { SOLJSON, RPC_URL, KEY } = process.env;

// No compiler is fetched: the tests have one.
subtask("compile:solidity:solc:get-build").setAction(async ({ solcVersion }) => ({
  compilerPath: SOLJSON,
  isSolcJs: true,
  version: solcVersion,
  longVersion: require("solc/wrapper")(require(SOLJSON)).version(),
}));

module.exports = {
  solidity: { version: process.env.SOLC_VERSION, settings: { evmVersion: "prague", optimizer: { enabled: true } } },
  networks: { devnet: { url: RPC_URL, accounts: [KEY] } },
  ignition: { blockPollingInterval: 20, requiredConfirmations: 1 },
};
