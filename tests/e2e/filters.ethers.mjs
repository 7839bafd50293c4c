// Listens to the Token with ethers over HTTP, which polls filters of the node. Prints the values that it heard as JSON.
import { ethers } from "ethers";

const { url, key, abi, bytecode, to } = JSON.parse(process.argv[2]);
const provider = new ethers.JsonRpcProvider(url, undefined, { polling: false, pollingInterval: 20, cacheTimeout: -1 });
provider.pollingInterval = 20;
const asked = [];
provider.on("debug", (event) => event.action === "sendRpcPayload" && asked.push(...[event.payload].flat()));
const wallet = new ethers.Wallet(key, provider);
const token = await new ethers.ContractFactory(abi, bytecode, wallet).deploy("MegaCoin", "MEGA", 1000n);
await token.waitForDeployment();

const heard = [];
let enough;
const all = new Promise((resolve) => (enough = resolve));
await token.on(token.filters.Transfer(null, to), (event) => {
  heard.push(String(event.args.value));
  if (heard.length >= 3) enough();
});
while (!asked.some((request) => request.method === "eth_getFilterChanges")) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
for (const value of [1n, 2n, 3n]) await (await token.transfer(to, value)).wait();
await all;
const others = await token.queryFilter(token.filters.Transfer(null, to));
console.log(
  JSON.stringify({ heard, queried: others.length, methods: [...new Set(asked.map((request) => request.method))] }),
);
provider.destroy();
