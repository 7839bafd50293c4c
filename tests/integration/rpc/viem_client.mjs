// What a front end does with viem: read, send, deploy, watch. Prints one JSON object.
// usage: node viem_client.mjs HTTP_URL WS_URL PRIVATE_KEY EMITTER RECIPIENT
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [httpUrl, wsUrl, key, emitter, recipient] = process.argv.slice(2);
const modules = createRequire(process.env.CLIENTS + "/");
const load = (name) => import(pathToFileURL(modules.resolve(name)).href);
const { createPublicClient, createWalletClient, defineChain, http, webSocket, parseEther } = await load("viem");
const { privateKeyToAccount } = await load("viem/accounts");

const pub = createPublicClient({ transport: http(httpUrl) });
const id = await pub.getChainId();
const chain = defineChain({
  id,
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [httpUrl], webSocket: [wsUrl] } },
});
const account = privateKeyToAccount(key);
const wallet = createWalletClient({ account, chain, transport: http(httpUrl) });
const live = createPublicClient({ chain, transport: webSocket(wsUrl), pollingInterval: 50 });

const heads = [];
const logs = [];
let done;
const enough = new Promise((resolve) => (done = resolve));
const check = () => heads.length >= 2 && logs.length >= 1 && done();
live.watchBlocks({ onBlock: (block) => (heads.push(block.number), check()), onError: fail });
live.watchEvent({ address: emitter, onLogs: (some) => (logs.push(...some), check()), onError: fail });
function fail(error) {
  console.error(error);
  process.exit(1);
}
await live.getBlockNumber(); // the subscriptions were sent before it on the same socket

const before = await pub.getBalance({ address: recipient });
const hash = await wallet.sendTransaction({ to: recipient, value: parseEther("1.5") });
const receipt = await pub.waitForTransactionReceipt({ hash, pollingInterval: 20 });
const after = await pub.getBalance({ address: recipient });
const call = await wallet.sendTransaction({ to: emitter });
const emitted = await pub.waitForTransactionReceipt({ hash: call, pollingInterval: 20 });
const sync = await wallet.sendRawTransactionSync({
  serializedTransaction: await wallet.signTransaction(
    await wallet.prepareTransactionRequest({ to: recipient, value: 1n }),
  ),
});
const block = await pub.getBlock({ blockTag: "latest", includeTransactions: true });
await enough;

const result = {
  id,
  status: receipt.status,
  type: receipt.type,
  gained: after - before,
  emitted: emitted.logs.length,
  sync: sync.status,
  block: block.number,
  gas: await pub.estimateGas({ account, to: recipient, value: 1n }),
  nonce: await pub.getTransactionCount({ address: account.address, blockTag: "pending" }),
  heads: heads.length,
  logs: logs.length,
};
console.log(JSON.stringify(result, (_, value) => (typeof value === "bigint" ? value.toString() : value)));
process.exit(0);
