// So many tests that each begin at a fixture, as `loadFixture` of Hardhat's network helpers gives it.
const hre = require("hardhat");
const { loadFixture } = require("@nomicfoundation/hardhat-network-helpers");

const TESTS = Number(process.env.TESTS);
// A contract that sets slot 0 to 42 and logs 42.
const EMITTER = "0x6012600c60003960126000f3602a600055602a600052600760206000a100";

const ask = (method, ...params) => hre.network.provider.request({ method, params });

async function send(fields) {
  const [from] = await ask("eth_accounts");
  const hash = await ask("eth_sendTransaction", { from, gas: "0x989680", ...fields });
  let receipt = null; // anvil may answer before its block is there
  while (receipt === null) receipt = await ask("eth_getTransactionReceipt", hash);
  return receipt;
}

async function deployed() {
  const receipts = [];
  for (let i = 0; i < 3; i += 1) receipts.push(await send({ data: EMITTER }));
  return receipts.map((receipt) => receipt.contractAddress);
}

describe("fixtures", () => {
  for (let i = 0; i < TESTS; i += 1) {
    it(`is fresh ${i}`, async () => {
      const [first, second] = await loadFixture(deployed);
      const before = await ask("eth_getStorageAt", first, "0x0", "latest");
      if (BigInt(before) !== 0n) throw new Error(`slot 0 is ${before} in a fresh fixture`);
      for (const to of [first, second]) {
        const receipt = await send({ to });
        if (receipt.status !== "0x1" || receipt.logs.length !== 1) throw new Error("the call failed");
      }
    });
  }
});
