// Uniswap v2 and v3 as they are published: deployed, a pool made and filled, tokens swapped both ways.
import { createRequire } from "node:module";
import { ethers } from "ethers";
import { check, equal, that } from "./checks.mjs";

const { url, key, abi, bytecode, blocks } = JSON.parse(process.argv[2]);
const require = createRequire(import.meta.url);
const provider = new ethers.JsonRpcProvider(url, undefined, { cacheTimeout: -1 });
provider.pollingInterval = 20;
// Where blocks come by themselves, the next one may be there between an estimate and what it was made for; a pool that
// has just been used then notes more. Wallets leave room for that.
class Roomy extends ethers.Wallet {
  async estimateGas(asked) {
    const gas = await super.estimateGas(asked);
    return blocks === "continuous" ? (gas * 3n) / 2n : gas;
  }
}
const wallet = new ethers.NonceManager(new Roomy(key, provider));
const me = await wallet.getAddress();
const deploy = async ({ abi, bytecode, evm }, ...given) => {
  const code = bytecode ?? evm.bytecode.object;
  const contract = await new ethers.ContractFactory(abi, code, wallet).deploy(...given);
  await contract.waitForDeployment();
  return contract;
};
const done = async (sent) => equal((await (await sent).wait()).status, 1);
const ether = ethers.parseEther;
const later = ethers.MaxUint256;

const v2 = (name, place = "periphery") => require(`@uniswap/v2-${place}/build/${name}.json`);
const weth = await deploy(v2("WETH9"));
const token = await deploy({ abi, bytecode }, "MegaCoin", "MEGA", ether("1000000"));
const other = await deploy({ abi, bytecode }, "Other", "OTH", ether("1000000"));
let factory, router, pair;

await check(`${blocks}: v2: factory and router`, async () => {
  factory = await deploy(v2("UniswapV2Factory", "core"), me);
  router = await deploy(v2("UniswapV2Router02"), factory.target, weth.target);
  equal(await router.factory(), factory.target);
});
await check(`${blocks}: v2: a pair, and liquidity`, async () => {
  await done(token.approve(router.target, ethers.MaxUint256));
  await done(
    router.addLiquidityETH(token.target, ether("1000"), 0, 0, me, later, { value: ether("10") }),
  );
  pair = new ethers.Contract(await factory.getPair(token.target, weth.target), v2("UniswapV2Pair", "core").abi, wallet);
  that((await pair.balanceOf(me)) > 0n);
});
await check(`${blocks}: v2: swaps both ways, at the price that was told`, async () => {
  const path = [weth.target, token.target];
  const [, told] = await router.getAmountsOut(ether("1"), path);
  const before = await token.balanceOf(me);
  await done(router.swapExactETHForTokens(told, path, me, later, { value: ether("1") }));
  equal((await token.balanceOf(me)) - before, told);
  await done(router.swapExactTokensForETH(told, 0, path.toReversed(), me, later));
});
await check(`${blocks}: v2: events of a swap are found again`, async () => {
  equal((await pair.queryFilter(pair.filters.Swap())).length, 2);
});
await check(`${blocks}: v2: liquidity is taken out again`, async () => {
  await done(pair.approve(router.target, ethers.MaxUint256));
  await done(router.removeLiquidityETH(token.target, await pair.balanceOf(me), 0, 0, me, later));
  equal(await pair.balanceOf(me), 0n);
});

const v3 = (name, place = "periphery") => {
  const { abi, bytecode } = require(`@uniswap/v3-${place}/artifacts/contracts/${name}.sol/${name}.json`);
  return { abi, bytecode };
};
const [token0, token1] = [token, other].sort((one, two) => (BigInt(one.target) < BigInt(two.target) ? -1 : 1));
const FEE = 3000;
let positions, swaps, pool, position;

await check(`${blocks}: v3: factory, position manager and router`, async () => {
  factory = await deploy(v3("UniswapV3Factory", "core"));
  positions = await deploy(v3("NonfungiblePositionManager"), factory.target, weth.target, ethers.ZeroAddress);
  swaps = await deploy(v3("SwapRouter"), factory.target, weth.target);
});
await check(`${blocks}: v3: a pool, with a price`, async () => {
  await done(positions.createAndInitializePoolIfNecessary(token0.target, token1.target, FEE, 2n ** 96n));
  const found = await factory.getPool(token0.target, token1.target, FEE);
  pool = new ethers.Contract(found, v3("UniswapV3Pool", "core").abi, wallet);
  equal((await pool.slot0()).sqrtPriceX96, 2n ** 96n);
});
await check(`${blocks}: v3: a position`, async () => {
  for (const one of [token0, token1]) {
    for (const spender of [positions, swaps]) await done(one.approve(spender.target, ethers.MaxUint256));
  }
  const asked = {
    token0: token0.target,
    token1: token1.target,
    fee: FEE,
    tickLower: -60_000,
    tickUpper: 60_000,
    amount0Desired: ether("1000"),
    amount1Desired: ether("1000"),
    amount0Min: 0,
    amount1Min: 0,
    recipient: me,
    deadline: later,
  };
  const receipt = await (await positions.mint(asked)).wait();
  position = receipt.logs
    .filter((log) => log.address === positions.target)
    .map((log) => positions.interface.parseLog(log))
    .find((log) => log.name === "IncreaseLiquidity").args.tokenId;
  that((await pool.liquidity()) > 0n);
});
await check(`${blocks}: v3: a swap, at the price that a call tells before`, async () => {
  const asked = {
    tokenIn: token0.target,
    tokenOut: token1.target,
    fee: FEE,
    recipient: me,
    deadline: later,
    amountIn: ether("5"),
    amountOutMinimum: 0,
    sqrtPriceLimitX96: 0,
  };
  const told = await swaps.exactInputSingle.staticCall(asked);
  const before = await token1.balanceOf(me);
  await done(swaps.exactInputSingle(asked));
  equal((await token1.balanceOf(me)) - before, told);
  that((await pool.slot0()).tick < 0n);
});
await check(`${blocks}: v3: fees are collected, and the position is left`, async () => {
  const { liquidity } = await positions.positions(position);
  await done(
    positions.decreaseLiquidity({ tokenId: position, liquidity, amount0Min: 0, amount1Min: 0, deadline: later }),
  );
  const max = 2n ** 128n - 1n;
  await done(positions.collect({ tokenId: position, recipient: me, amount0Max: max, amount1Max: max }));
  await done(positions.burn(position));
});
process.exit(0);
