// Hardhat's network helpers against a node that closes a block with each transaction.
const hre = require("hardhat");
const {
  dropTransaction,
  getStorageAt,
  impersonateAccount,
  mine,
  mineUpTo,
  setBalance,
  setCode,
  setNonce,
  setStorageAt,
  stopImpersonatingAccount,
  time,
} = require("@nomicfoundation/hardhat-network-helpers");

async function main() {
  const ask = (method, ...params) => hre.network.provider.request({ method, params });
  const account = "0x000000000000000000000000000000000000bEEF";
  const seen = {};

  const height = await time.latestBlock();
  await mine();
  await mine(10, { interval: 60 });
  await mineUpTo(height + 20);
  seen.mined = (await time.latestBlock()) - height;

  let latest = await time.latest();
  seen.increased = (await time.increase(3600)) - latest;
  await time.increaseTo(latest + 10_000);
  seen.increasedTo = (await time.latest()) - latest;
  await time.setNextBlockTimestamp(latest + 20_000);
  await setBalance(account, 10n ** 18n);
  await impersonateAccount(account);
  const digest = await ask("eth_sendTransaction", { from: account, to: account, value: "0x1" });
  const receipt = await ask("eth_getTransactionReceipt", digest);
  seen.status = receipt.status;
  seen.stamped = (await time.latest()) - latest;
  await stopImpersonatingAccount(account);
  seen.stopped = await ask("eth_sendTransaction", { from: account, to: account }).catch(() => "refused");

  await setNonce(account, 77);
  seen.nonce = await ask("eth_getTransactionCount", account, "latest");
  await setStorageAt(account, 5, 42);
  seen.storage = await getStorageAt(account, 5);
  await setCode(account, "0x60016002");
  seen.code = await ask("eth_getCode", account, "latest");

  await ask("evm_setAutomine", false);
  const [sender] = await ask("eth_accounts");
  const waits = await ask("eth_sendTransaction", { from: sender, to: account, gas: "0x186a0" });
  seen.dropped = await dropTransaction(waits);
  await ask("evm_setAutomine", true);
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
