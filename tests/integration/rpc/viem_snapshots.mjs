// Snapshots with viem's test client, as a test suite takes them. Prints one JSON object.
// usage: node viem_snapshots.mjs HTTP_URL PRIVATE_KEY RECIPIENT
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [url, key, recipient] = process.argv.slice(2);
const modules = createRequire(process.env.CLIENTS + "/");
const load = (name) => import(pathToFileURL(modules.resolve(name)).href);
const { createPublicClient, createTestClient, createWalletClient, http, publicActions, walletActions } = await load("viem");
const { privateKeyToAccount } = await load("viem/accounts");

const chain = { id: await createPublicClient({ transport: http(url) }).getChainId(), name: "devnet" };
const account = privateKeyToAccount(key);
const balances = [];
for (const mode of ["anvil", "hardhat"]) {
  const test = createTestClient({ mode, chain, account, transport: http(url), pollingInterval: 20 })
    .extend(publicActions)
    .extend(walletActions);
  const pay = async (value) => {
    const hash = await test.sendTransaction({ to: recipient, value });
    await test.waitForTransactionReceipt({ hash });
  };
  const note = async () => balances.push(String(await test.getBalance({ address: recipient })));
  const outer = await test.snapshot();
  await pay(1n);
  const inner = await test.snapshot();
  await pay(10n);
  await note();
  await test.revert({ id: inner });
  await note();
  await pay(100n);
  await note();
  await test.revert({ id: outer });
  await note();
}
console.log(JSON.stringify({ balances }));
