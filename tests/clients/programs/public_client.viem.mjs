// viem's public actions and its watchers, over HTTP (which polls filters) and over a WebSocket.
import {
  createPublicClient,
  createWalletClient,
  encodeDeployData,
  encodeFunctionData,
  erc20Abi,
  http,
  parseEther,
  toHex,
  webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { check, equal, eventually, that } from "./checks.mjs";

const { url, wsUrl, chainId, key, abi, bytecode, to } = JSON.parse(process.argv[2]);
const chain = {
  id: chainId,
  name: "devnet",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [url], webSocket: [wsUrl] } },
};
const account = privateKeyToAccount(key);
const client = createPublicClient({ chain, transport: http(url), pollingInterval: 20 });
const wallet = createWalletClient({ account, chain, transport: http(url), pollingInterval: 20 });
const mined = (hash) => client.waitForTransactionReceipt({ hash });
const deployed = await mined(await wallet.deployContract({ abi, bytecode, args: ["MegaCoin", "MEGA", 1000n] }));
const token = deployed.contractAddress;
const transfer = (value) => wallet.writeContract({ address: token, abi, functionName: "transfer", args: [to, value] });
const paid = await mined(await transfer(1n));
const { blockNumber, transactionHash } = paid;
await eventually(() => client.getBlock({ blockNumber }).catch(() => null), "the block");

// --- what reads ---

await check("getBlock, by number, hash and tag", async () => {
  const block = await client.getBlock({ blockNumber });
  equal((await client.getBlock({ blockHash: block.hash })).number, blockNumber);
  for (const blockTag of ["latest", "earliest", "safe", "finalized"]) that((await client.getBlock({ blockTag })).hash);
  const whole = await client.getBlock({ blockNumber, includeTransactions: true });
  that(whole.transactions.some((one) => one.hash === transactionHash));
  equal(await client.getBlockTransactionCount({ blockNumber }), whole.transactions.length);
});
await check("getTransaction, its receipt and its raw form", async () => {
  const found = await client.getTransaction({ hash: transactionHash });
  equal(found.blockNumber, blockNumber);
  const again = await client.getTransaction({ blockNumber, index: found.transactionIndex });
  equal(again.hash, transactionHash);
  that((await client.getTransactionConfirmations({ hash: transactionHash })) >= 1n);
  that((await client.getRawTransaction({ hash: transactionHash })).startsWith("0x02"));
  that((await client.getBlockReceipts({ blockNumber })).some((one) => one.transactionHash === transactionHash));
});
await check("an account's balance, nonce, code, slots and proof", async () => {
  that((await client.getBalance({ address: account.address })) > 0n);
  that((await client.getTransactionCount({ address: account.address })) > 0);
  that((await client.getCode({ address: token })).length > 2);
  equal(await client.getStorageAt({ address: token, slot: "0x0" }).then((word) => word.length), 66);
  equal((await client.getProof({ address: token, storageKeys: [toHex(0, { size: 32 })] })).address.toLowerCase(), token);
  equal(await client.getDelegation({ address: account.address }), undefined);
});
await check("fees", async () => {
  that((await client.getGasPrice()) > 0n);
  that((await client.estimateMaxPriorityFeePerGas()) >= 0n);
  that((await client.estimateFeesPerGas()).maxFeePerGas > 0n);
  equal((await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [25, 75] })).reward[0].length, 2);
  that((await client.getBlobBaseFee()) >= 0n);
});
await check("readContract, call with a state override, simulateContract", async () => {
  const contract = { address: token, abi };
  that((await client.readContract({ ...contract, functionName: "balanceOf", args: [to] })) >= 1n);
  const poor = "0x00000000000000000000000000000000000000bb";
  const override = [{ address: poor, balance: parseEther("2") }];
  await client.call({ account: poor, to, value: parseEther("1"), stateOverride: override });
  const call = { ...contract, functionName: "transfer", args: [to, 1n], account };
  equal((await client.simulateContract(call)).result, true);
  const name = await client
    .simulateContract({ ...call, args: [to, 10n ** 30n] })
    .catch((error) => error.cause.data.errorName);
  equal(name, "ERC20InsufficientBalance");
  that((await client.estimateContractGas(call)) > 21_000n);
});
await check("call of code that is deployed nowhere", async () => {
  const data = encodeFunctionData({ abi, functionName: "totalSupply" });
  const code = encodeDeployData({ abi, bytecode, args: ["MegaCoin", "MEGA", 5n] });
  equal(BigInt((await client.call({ code, data })).data), 5n * 10n ** 18n);
});
await check("multicall without a contract for it", async () => {
  const contracts = ["name", "symbol"].map((functionName) => ({ address: token, abi, functionName }));
  const found = await client.multicall({ contracts, deployless: true });
  equal(found.map((one) => one.result), ["MegaCoin", "MEGA"]);
});
await check("createAccessList", async () => {
  const { accessList } = await client.createAccessList({
    account,
    to: token,
    data: encodeFunctionData({ abi, functionName: "transfer", args: [to, 1n] }),
  });
  equal(accessList[0].address.toLowerCase(), token);
});
await check("simulateCalls and simulateBlocks", async () => {
  const calls = [{ to: token, data: encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args: [to, 2n] }) }];
  const { results } = await client.simulateCalls({ account, calls });
  equal(results.map((one) => one.status), ["success"]);
  const [block] = await client.simulateBlocks({ blocks: [{ calls: [{ from: account.address, ...calls[0] }] }] });
  equal(block.calls[0].logs.length, 1);
});
await check("fillTransaction", async () => {
  const { transaction } = await client.fillTransaction({ account, to, value: 1n });
  that(transaction.gas > 0n);
});
await check("getLogs and getContractEvents", async () => {
  const logs = await client.getContractEvents({ address: token, abi, eventName: "Transfer", fromBlock: 0n });
  that(logs.some((log) => log.args.value === 1n && log.transactionHash === transactionHash));
  that((await client.getLogs({ address: token, fromBlock: 0n })).length >= 2);
});
await check("verifyMessage and verifyTypedData", async () => {
  const signature = await account.signMessage({ message: "hello" });
  that(await client.verifyMessage({ address: account.address, message: "hello", signature }));
});

// --- what writes ---

await check("sendRawTransactionSync", async () => {
  const request = await wallet.prepareTransactionRequest({ to, value: 1n });
  const receipt = await wallet.sendRawTransactionSync({
    serializedTransaction: await wallet.signTransaction(request),
  });
  equal(receipt.status, "success");
});
await check("sendTransactionSync and writeContractSync", async () => {
  equal((await wallet.sendTransactionSync({ to, value: 1n })).status, "success");
  const call = { address: token, abi, functionName: "transfer", args: [to, 1n] };
  equal((await wallet.writeContractSync(call)).logs.length, 1);
});
await check("an authorization (EIP-7702)", async () => {
  const authorization = await wallet.signAuthorization({ contractAddress: token, executor: "self" });
  const hash = await wallet.sendTransaction({ to: account.address, authorizationList: [authorization], data: "0x06fdde03" });
  equal((await mined(hash)).status, "success");
  equal((await client.getDelegation({ address: account.address })).toLowerCase(), token);
  const away = await wallet.signAuthorization({ contractAddress: `0x${"00".repeat(20)}`, executor: "self" });
  await mined(await wallet.sendTransaction({ to: account.address, authorizationList: [away] }));
  equal(await client.getDelegation({ address: account.address }), undefined);
});

// --- what watches ---

for (const [kind, transport] of [
  ["HTTP", http(url)],
  ["WebSocket", webSocket(wsUrl)],
]) {
  const live = createPublicClient({ chain, transport, pollingInterval: 20 });
  const hears = (name, watch, enough) =>
    check(`${kind}: ${name}`, async () => {
      const heard = [];
      let error = null;
      const stop = watch((...told) => heard.push(...told), (thrown) => (error ??= thrown));
      await live.getChainId(); // on a socket its subscription stands before this
      try {
        // A poller that begins later than the first transaction hears of the next.
        await eventually(async () => {
          if (error) throw error;
          await mined(await transfer(3n));
          return enough(heard);
        }, name);
      } finally {
        stop();
      }
    });
  const rises = (heard) => heard.length >= 2 && heard.every((one, at) => at === 0 || one > heard[at - 1]);
  await hears("watchBlockNumber", (hear, onError) => live.watchBlockNumber({ onBlockNumber: (one) => hear(one), onError }), rises);
  await hears(
    "watchBlocks",
    (hear, onError) => live.watchBlocks({ includeTransactions: true, onBlock: (block) => hear(block.number), onError }),
    rises,
  );
  await hears(
    "watchPendingTransactions",
    (hear, onError) => live.watchPendingTransactions({ onTransactions: (hashes) => hear(...hashes), onError }),
    (heard) => heard.length >= 1,
  );
  await hears(
    "watchEvent",
    (hear, onError) => live.watchEvent({ address: token, onLogs: (logs) => hear(...logs), onError }),
    (heard) => heard.length >= 2 && new Set(heard.map((log) => log.transactionHash)).size === heard.length,
  );
  await hears(
    "watchContractEvent",
    (hear, onError) =>
      live.watchContractEvent({ address: token, abi, eventName: "Transfer", args: { to }, onLogs: (logs) => hear(...logs), onError }),
    (heard) => heard.some((log) => log.args.value === 3n),
  );
}
process.exit(0);
