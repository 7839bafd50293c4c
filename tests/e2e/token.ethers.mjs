// Deploys the Token with ethers, transfers, reads logs and decodes a custom error. Prints what it saw as JSON.
import { ethers } from "ethers";

const { url, key, abi, bytecode, to } = JSON.parse(process.argv[2]);
const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
const wallet = new ethers.Wallet(key, provider);
const factory = new ethers.ContractFactory(abi, bytecode, wallet);
const token = await factory.deploy("MegaCoin", "MEGA", 1000n);
await token.waitForDeployment();
const receipt = await (await token.transfer(to, 5n)).wait();
const logs = await token.queryFilter("Transfer", receipt.blockNumber, receipt.blockNumber);
let refused = "";
try {
  await token.transfer(to, 10n ** 40n);
} catch (error) {
  refused = error.revert?.name ?? token.interface.parseError(error.data)?.name ?? String(error);
}
console.log(
  JSON.stringify({
    status: receipt.status,
    balance: String(await token.balanceOf(to)),
    transfers: logs.filter((log) => log.args.to.toLowerCase() === to).map((log) => String(log.args.value)),
    refused,
  }),
);
provider.destroy();
