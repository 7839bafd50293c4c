// Deploys a contract with viem. Prints its address.
import { createPublicClient, createWalletClient, defineChain, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const { url, key, chainId, abi, bytecode, args } = JSON.parse(process.argv[2]);
const chain = defineChain({
  id: chainId,
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
});
const reader = createPublicClient({ chain, transport: http(), pollingInterval: 20 });
const writer = createWalletClient({ account: privateKeyToAccount(key), chain, transport: http() });
const hash = await writer.deployContract({ abi, bytecode, args });
const { contractAddress } = await reader.waitForTransactionReceipt({ hash });
console.log(contractAddress);
