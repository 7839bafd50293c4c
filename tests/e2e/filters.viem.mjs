// Watches the Token with viem over HTTP, and polls filters itself. Prints what it heard as JSON.
import { createPublicClient, createWalletClient, defineChain, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const { url, key, chainId, abi, bytecode, to } = JSON.parse(process.argv[2]);
const chain = defineChain({
  id: chainId,
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
});
const asked = new Set();
const fetchFn = (input, init) => (asked.add(JSON.parse(init.body).method), fetch(input, init));
const transport = http(url, { fetchFn });
const account = privateKeyToAccount(key);
const reader = createPublicClient({ chain, transport, pollingInterval: 20 });
const writer = createWalletClient({ account, chain, transport: http() });
const deployment = await writer.deployContract({ abi, bytecode, args: ["MegaCoin", "MEGA", 1000n] });
const { contractAddress: address } = await reader.waitForTransactionReceipt({ hash: deployment });

const event = { address, abi, eventName: "Transfer", args: { to } };
const early = await reader.createContractEventFilter({ ...event, fromBlock: "latest" });
const any = await reader.createEventFilter({ address });
const blocks = await reader.createBlockFilter();
const pending = await reader.createPendingTransactionFilter();
const heard = [];
let enough;
const all = new Promise((resolve) => (enough = resolve));
const unwatch = reader.watchContractEvent({
  ...event,
  onLogs: (logs) => (heard.push(...logs.map((log) => String(log.args.value))), heard.length >= 3 && enough()),
  onError: (error) => {
    throw error;
  },
});
while (!asked.has("eth_getFilterChanges")) await new Promise((resolve) => setTimeout(resolve, 5));

const sent = [];
const first = [];
for (const value of [1n, 2n, 3n]) {
  const hash = await writer.writeContract({ address, abi, functionName: "transfer", args: [to, value] });
  await reader.waitForTransactionReceipt({ hash, pollingInterval: 5 });
  sent.push(hash);
  // By mini-blocks an event is there as soon as its receipt.
  first.push(...(await reader.getFilterChanges({ filter: early })).map((log) => String(log.args.value)));
}
await all;
unwatch();
const [logs, again, hashes, seen] = [
  await reader.getFilterChanges({ filter: any }),
  await reader.getFilterLogs({ filter: await reader.createEventFilter({ address, fromBlock: 0n }) }),
  await reader.getFilterChanges({ filter: blocks }),
  await reader.getFilterChanges({ filter: pending }),
];
console.log(
  JSON.stringify({
    heard,
    first,
    // The block of the deployment, which logs too, may have been open when the filter was made.
    logs: logs.filter((log) => log.topics[2].endsWith(to.slice(2))).length,
    again: again.length,
    blocks: hashes.length > 0,
    pending: sent.every((hash) => seen.includes(hash)),
    uninstalled: await reader.uninstallFilter({ filter: any }),
  }),
);
