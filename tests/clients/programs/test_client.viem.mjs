// All actions of viem's test client, in the mode that is told. Each is seen to have done what it says.
import { createTestClient, http, parseEther, publicActions, toHex, walletActions } from "viem";
import { check, equal, refused, that } from "./checks.mjs";

const { url, chainId, mode } = JSON.parse(process.argv[2]);
const chain = {
  id: chainId,
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
};
const client = createTestClient({ chain, mode, transport: http(url), pollingInterval: 20 })
  .extend(publicActions)
  .extend(walletActions);
const [funded] = await client.getAddresses();
const address = `0x${"00".repeat(16)}${mode === "anvil" ? "deadbeef" : "beefdead"}`;
const action = (name, does) => check(`${mode}: ${name}`, does);
const latest = () => client.getBlock();
const waiting = async () => Number((await client.getTxpoolStatus()).pending);
const send = () => client.sendTransaction({ account: funded, to: address, value: 1n, gas: 100_000n });

await action("setBalance", async () => {
  await client.setBalance({ address, value: parseEther("3") });
  equal(await client.getBalance({ address }), parseEther("3"));
});
await action("setNonce", async () => {
  await client.setNonce({ address, nonce: 9 });
  equal(await client.getTransactionCount({ address }), 9);
});
await action("impersonateAccount", async () => {
  await client.impersonateAccount({ address });
  const hash = await client.sendTransaction({ account: address, to: funded, value: 1n });
  const receipt = await client.waitForTransactionReceipt({ hash });
  equal([receipt.status, receipt.from.toLowerCase()], ["success", address]);
});
await action("stopImpersonatingAccount", async () => {
  await client.stopImpersonatingAccount({ address });
  await refused(() => client.sendTransaction({ account: address, to: funded, value: 1n }), /./);
});
await action("sendUnsignedTransaction", async () => {
  const hash = await client.sendUnsignedTransaction({ from: address, to: funded, value: 5n });
  equal((await client.waitForTransactionReceipt({ hash })).status, "success");
  equal((await client.getTransaction({ hash })).value, 5n);
});
await action("setCode", async () => {
  await client.setCode({ address, bytecode: "0x60016002" });
  equal(await client.getCode({ address }), "0x60016002");
});
await action("setStorageAt", async () => {
  await client.setStorageAt({ address, index: 3, value: toHex(7, { size: 32 }) });
  equal(await client.getStorageAt({ address, slot: "0x3" }), toHex(7, { size: 32 }));
});
await action("mine with an interval after setStorageAt", async () => {
  const before = await latest();
  await client.mine({ blocks: 3, interval: 60 });
  equal((await latest()).number - before.number, 3n);
});
await action("mine", async () => {
  const before = await latest();
  await client.mine({ blocks: 3, interval: 60 });
  const after = await latest();
  equal(after.number - before.number, 3n);
  that(after.timestamp - before.timestamp >= 120n, "the blocks stand no minute apart");
});
await action("increaseTime", async () => {
  const before = await latest();
  await client.increaseTime({ seconds: 500 });
  await client.mine({ blocks: 1 });
  that((await latest()).timestamp - before.timestamp >= 500n);
});
await action("setNextBlockTimestamp", async () => {
  const timestamp = (await latest()).timestamp + 1000n;
  await client.setNextBlockTimestamp({ timestamp });
  await client.mine({ blocks: 1 });
  equal((await latest()).timestamp, timestamp);
});
await action("setBlockTimestampInterval", async () => {
  await client.setBlockTimestampInterval({ interval: 7 });
  await client.mine({ blocks: 2 });
  const last = await latest();
  const parent = await client.getBlock({ blockHash: last.parentHash });
  equal(last.timestamp - parent.timestamp, 7n);
});
await action("removeBlockTimestampInterval", async () => {
  await client.removeBlockTimestampInterval();
  await client.mine({ blocks: 2 });
  const last = await latest();
  const parent = await client.getBlock({ blockHash: last.parentHash });
  that(last.timestamp - parent.timestamp < 7n);
});
await action("getAutomine", async () => equal(await client.getAutomine(), true));
await action("setAutomine", async () => {
  await client.setAutomine(false);
  equal(await client.getAutomine(), false);
});
let waits;
await action("getTxpoolStatus", async () => {
  waits = await send();
  equal(await waiting(), 1);
});
await action("getTxpoolContent", async () => {
  const { pending } = await client.getTxpoolContent();
  equal(Object.values(Object.values(pending)[0])[0].hash, waits);
});
await action("inspectTxpool", async () => {
  const { pending } = await client.inspectTxpool();
  that(Object.values(Object.values(pending)[0])[0].includes("1 wei"));
});
await action("dropTransaction", async () => {
  await client.dropTransaction({ hash: waits });
  equal(await waiting(), 0);
});
await action("setIntervalMining", async () => {
  try {
    const hash = await send();
    await client.setIntervalMining({ interval: 1 });
    equal((await client.waitForTransactionReceipt({ hash, timeout: 10_000 })).status, "success");
  } finally {
    await client.setIntervalMining({ interval: 0 });
    await client.setAutomine(true);
  }
});
await client.mine({ blocks: 1 }); // with what waits, if its interval was refused
await action("snapshot and revert", async () => {
  const before = await client.getBalance({ address });
  const id = await client.snapshot();
  await client.waitForTransactionReceipt({ hash: await send() });
  equal(await client.getBalance({ address }), before + 1n);
  await client.revert({ id });
  equal(await client.getBalance({ address }), before);
});
await action("dumpState and loadState", async () => {
  const before = await client.getBalance({ address });
  const state = await client.dumpState();
  await client.waitForTransactionReceipt({ hash: await send() });
  await client.loadState({ state });
  equal(await client.getBalance({ address }), before);
});
await action("setLoggingEnabled", () => client.setLoggingEnabled(true));
await action("setBlockGasLimit", async () => {
  await client.setBlockGasLimit({ gasLimit: 50_000_000n });
  await client.mine({ blocks: 1 });
  equal((await latest()).gasLimit, 50_000_000n);
});
await action("setCoinbase", () => client.setCoinbase({ address }));
await action("setMinGasPrice", () => client.setMinGasPrice({ gasPrice: 1n }));
await action("setNextBlockBaseFeePerGas", () => client.setNextBlockBaseFeePerGas({ baseFeePerGas: 20n }));
await action("setRpcUrl", () => client.setRpcUrl(url));
await action("reset", async () => {
  await client.reset();
  equal(await client.getBlockNumber({ cacheTime: 0 }), 0n);
});
