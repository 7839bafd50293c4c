// What scripts and front ends do with ethers: contracts, listeners over HTTP and WebSocket, batches, nonces, errors.
import { ethers } from "ethers";
import { check, equal, eventually, that } from "./checks.mjs";

const { url, wsUrl, key, abi, bytecode, to } = JSON.parse(process.argv[2]);
const provider = new ethers.JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
provider.pollingInterval = 20;
const wallet = new ethers.Wallet(key, provider);
const signer = new ethers.NonceManager(wallet);
const token = await new ethers.ContractFactory(abi, bytecode, signer).deploy("MegaCoin", "MEGA", 1000n);
await token.waitForDeployment();
const address = await token.getAddress();
const pay = async (contract = token) => (await contract.transfer(to, 1n)).wait();

await check("a deployment's receipt, block and transaction fit together", async () => {
  const receipt = await token.deploymentTransaction().wait();
  const block = await eventually(() => provider.getBlock(receipt.blockNumber, true), "the block");
  that(block.prefetchedTransactions.some((one) => one.hash === receipt.hash));
  equal((await provider.getTransaction(receipt.hash)).from, wallet.address);
  that((await receipt.confirmations()) >= 1);
});
await check("fees, nonce, network, estimate", async () => {
  that((await provider.getFeeData()).maxFeePerGas > 0n);
  that((await provider.getTransactionCount(wallet.address, "pending")) > 0);
  that((await provider.getNetwork()).chainId > 0n);
  that((await token.transfer.estimateGas(to, 1n)) > 21_000n);
  that((await provider.getStorage(address, 0)).length === 66);
});
await check("a custom error is decoded, of a call and of an estimate", async () => {
  for (const tried of [token.transfer.staticCall(to, 10n ** 30n), token.transfer.estimateGas(to, 10n ** 30n)]) {
    const error = await tried.then(() => null, (thrown) => thrown);
    equal(token.interface.parseError(error.data).name, "ERC20InsufficientBalance");
  }
});
await check("many transactions at once, by a nonce manager", async () => {
  const sent = await Promise.all(Array.from({ length: 20 }, () => token.transfer(to, 1n)));
  const receipts = await Promise.all(sent.map((one) => one.wait()));
  equal(new Set(receipts.map((one) => one.status)).size, 1);
});
await check("a signer of the node's own accounts", async () => {
  const own = await provider.getSigner(3);
  equal((await (await own.sendTransaction({ to, value: 1n })).wait()).status, 1);
  const signature = await own.signMessage("hello");
  equal(ethers.verifyMessage("hello", signature), own.address);
});
await check("typed data, signed by the node", async () => {
  const own = await provider.getSigner(3);
  const types = { Mail: [{ name: "to", type: "address" }] };
  const signature = await own.signTypedData({ name: "Mail" }, types, { to });
  equal(ethers.verifyTypedData({ name: "Mail" }, types, { to }, signature), own.address);
});
await check("requests in one batch", async () => {
  const found = await Promise.all([provider.getBlockNumber(), provider.getBalance(to), provider.getCode(address)]);
  that(found[2].length > 2);
});
await check("queryFilter and getLogs", async () => {
  await pay();
  that((await token.queryFilter(token.filters.Transfer(null, to))).length >= 1);
  that((await provider.getLogs({ address, fromBlock: 0 })).length >= 1);
});
await check("broadcast of a signed transaction, and waiting for it", async () => {
  const request = await wallet.populateTransaction({ to, value: 1n });
  const sent = await provider.broadcastTransaction(await wallet.signTransaction(request));
  equal((await provider.waitForTransaction(sent.hash)).status, 1);
  signer.reset();
});

const socket = new ethers.WebSocketProvider(wsUrl);
for (const [kind, live] of [
  ["HTTP", provider],
  ["WebSocket", socket],
]) {
  const contract = new ethers.Contract(address, abi, live);
  const hears = (name, target, event) =>
    check(`${kind}: ${name}`, async () => {
      const heard = [];
      await target.on(event, (...told) => heard.push(told));
      try {
        await eventually(async () => (await pay(), heard.length >= 2), name);
      } finally {
        await target.off(event);
      }
      return heard;
    });
  await hears("block", live, "block");
  await hears("pending", live, "pending");
  await hears("logs of an address", live, { address });
  await hears("a contract's event", contract, contract.filters.Transfer(null, to));
  await check(`${kind}: once`, async () => {
    const told = new Promise((resolve) => contract.once(contract.filters.Transfer(null, to), resolve));
    let over = false;
    told.then(() => (over = true));
    await eventually(async () => (await pay(), over), "the event");
  });
}
process.exit(0);
