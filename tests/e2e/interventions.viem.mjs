// viem's test client against a node that closes a block with each transaction.
import { createTestClient, erc20Abi, http, parseEther, publicActions, walletActions } from "viem";

const { url, chainId } = JSON.parse(process.argv[2]);
const chain = {
  id: chainId,
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
};
const client = createTestClient({ chain, mode: "anvil", transport: http(url) })
  .extend(publicActions)
  .extend(walletActions);
const address = "0x00000000000000000000000000000000deadbeef";
const seen = {};

await client.setBalance({ address, value: parseEther("3") });
seen.balance = String(await client.getBalance({ address }));
await client.setNonce({ address, nonce: 9 });
seen.nonce = await client.getTransactionCount({ address });
await client.impersonateAccount({ address });
const hash = await client.sendTransaction({ account: address, to: address, value: 1n });
const receipt = await client.getTransactionReceipt({ hash });
// What everybody does next.
const block = await client.getBlock({ blockNumber: receipt.blockNumber });
seen.together = block.hash === receipt.blockHash && block.transactions.includes(hash);
await client.stopImpersonatingAccount({ address });

await client.setCode({ address, bytecode: "0x60016002" });
seen.code = await client.getCode({ address });
await client.setStorageAt({ address, index: 3, value: `0x${"00".repeat(31)}07` });
seen.storage = await client.getStorageAt({ address, slot: "0x3" });

// What was set above is in a block that is open still.
await client.mine({ blocks: 1 });
const before = await client.getBlock();
await client.increaseTime({ seconds: 500 });
await client.mine({ blocks: 1 });
const after = await client.getBlock();
seen.mined = Number(after.number - before.number);
seen.moved = after.timestamp - before.timestamp >= 500n;
await client.setNextBlockTimestamp({ timestamp: after.timestamp + 1000n });
await client.mine({ blocks: 1 });
seen.stamped = Number((await client.getBlock()).timestamp - after.timestamp);
await client.setBlockTimestampInterval({ interval: 7 });
await client.mine({ blocks: 2 });
const last = await client.getBlock();
const parent = await client.getBlock({ blockHash: last.parentHash });
seen.apart = Number(last.timestamp - parent.timestamp);
await client.removeBlockTimestampInterval();

seen.automine = await client.getAutomine();
await client.setAutomine(false);
const [sender] = await client.getAddresses();
const waits = await client.sendTransaction({ account: sender, to: address, gas: 100_000n });
seen.waits = (await client.getTxpoolStatus()).pending;
await client.dropTransaction({ hash: waits });
seen.dropped = (await client.getTxpoolStatus()).pending;
await client.setAutomine(true);
seen.coinbase = await client.setCoinbase({ address }).catch((error) => error.details.slice(0, 19));
console.log(JSON.stringify(seen));
