// Everything that hardhat's network helpers have.
import { network } from "hardhat";
import Boxes from "../ignition/modules/Boxes.js";
import { check, equal, refused, that } from "../checks.mjs";

const { ethers, ignition, networkHelpers: helpers, provider } = await network.create("devnet");
const { time } = helpers;
const ask = (method, ...params) => provider.request({ method, params });
const account = "0x000000000000000000000000000000000000bEEF";
const block = () => ethers.provider.getBlock("latest");
const [first, second] = await ethers.getSigners();

await check("a contract is deployed, called and read", async () => {
  const box = await ethers.deployContract("Box");
  await box.initialize(5n);
  await (await box.set(6n)).wait();
  equal(await box.value(), 6n);
});
await check("ignition, from a script", async () => equal(await (await ignition.deploy(Boxes)).box.value(), 42n));
await check("mine", async () => {
  const before = await block();
  await helpers.mine();
  await helpers.mine(10, { interval: 60 });
  const after = await block();
  equal(after.number - before.number, 11);
  that(after.timestamp - before.timestamp >= 540);
});
await check("mineUpTo", async () => {
  const wanted = (await time.latestBlock()) + 20;
  await helpers.mineUpTo(wanted);
  equal(await time.latestBlock(), wanted);
});
await check("time.increase", async () => {
  const before = await time.latest();
  that((await time.increase(time.duration.hours(1))) - before >= 3600);
});
await check("time.increaseTo", async () => {
  const wanted = (await time.latest()) + 10_000;
  await time.increaseTo(wanted);
  equal(await time.latest(), wanted);
});
await check("time.setNextBlockTimestamp", async () => {
  const wanted = (await time.latest()) + 20_000;
  await time.setNextBlockTimestamp(wanted);
  await (await first.sendTransaction({ to: account })).wait();
  equal(await time.latest(), wanted);
});
await check("setBalance", async () => {
  await helpers.setBalance(account, 10n ** 18n);
  equal(await ethers.provider.getBalance(account), 10n ** 18n);
});
await check("impersonateAccount", async () => {
  await helpers.impersonateAccount(account);
  const sent = await (await ethers.getSigner(account)).sendTransaction({ to: second.address, value: 1n });
  equal((await sent.wait()).status, 1);
});
await check("stopImpersonatingAccount", async () => {
  await helpers.stopImpersonatingAccount(account);
  await refused(() => ask("eth_sendTransaction", { from: account, to: account }), /./);
});
await check("setNonce", async () => {
  await helpers.setNonce(account, 77);
  equal(await ethers.provider.getTransactionCount(account), 77);
});
await check("setStorageAt and getStorageAt", async () => {
  await helpers.setStorageAt(account, 5, 42);
  equal(BigInt(await helpers.getStorageAt(account, 5)), 42n);
});
await check("setCode", async () => {
  await helpers.setCode(account, "0x60016002");
  equal(await ethers.provider.getCode(account), "0x60016002");
});
await check("takeSnapshot", async () => {
  const before = await ethers.provider.getBalance(second.address);
  const snapshot = await helpers.takeSnapshot();
  await (await first.sendTransaction({ to: second.address, value: 9n })).wait();
  await snapshot.restore();
  equal(await ethers.provider.getBalance(second.address), before);
});
await check("loadFixture, again and again, one within another's", async () => {
  let made = 0;
  const deployed = async () => {
    made++;
    const box = await ethers.deployContract("Box");
    await (await box.initialize(1n)).wait();
    return box;
  };
  const changed = async () => {
    const box = await helpers.loadFixture(deployed);
    await (await box.set(2n)).wait();
    return box;
  };
  for (let round = 0; round < 3; round++) {
    const box = await helpers.loadFixture(deployed);
    equal(await box.value(), 1n);
    await (await box.set(100n)).wait();
    const other = await helpers.loadFixture(changed);
    equal(await other.value(), 2n);
    await (await other.set(100n)).wait();
  }
  // Hardhat drops what was taken after a snapshot that it goes back to.
  that(made >= 1 && made <= 3, `made ${made} times`);
});
await check("clearSnapshots", () => helpers.clearSnapshots());
await check("dropTransaction", async () => {
  await ask("evm_setAutomine", false);
  const waits = await ask("eth_sendTransaction", { from: first.address, to: account, gas: "0x186a0" });
  equal(await helpers.dropTransaction(waits), true);
  await ask("evm_setAutomine", true);
  equal(await ask("eth_getTransactionByHash", waits), null);
});
await check("setBlockGasLimit", () => helpers.setBlockGasLimit(50_000_000));
await check("setCoinbase", () => helpers.setCoinbase(account));
await check("setNextBlockBaseFeePerGas", () => helpers.setNextBlockBaseFeePerGas(20));
await check("setPrevRandao", () => helpers.setPrevRandao(20));
