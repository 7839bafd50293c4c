// OpenZeppelin's plugin: proxies of each kind, deployed and upgraded.
import hre from "hardhat";
import { upgrades as of } from "@openzeppelin/hardhat-upgrades";
import { check, equal, refused, that } from "../checks.mjs";

const connection = await hre.network.create("devnet");
const { ethers } = connection;
const upgrades = await of(hre, connection);
const factory = (name) => ethers.getContractFactory(name);
const deployed = async (proxy) => (await proxy.waitForDeployment(), proxy);

async function upgraded(proxy, name) {
  const before = await upgrades.erc1967.getImplementationAddress(await proxy.getAddress());
  const next = await upgrades.upgradeProxy(await proxy.getAddress(), await factory(name));
  await next.waitForDeployment();
  await (await next.increment()).wait();
  equal(await next.value(), 43n);
  that((await upgrades.erc1967.getImplementationAddress(await proxy.getAddress())) !== before);
}

let box;
await check("upgrades: deployProxy, transparent", async () => {
  box = await deployed(await upgrades.deployProxy(await factory("Box"), [42n]));
  equal(await box.value(), 42n);
});
await check("upgrades: upgradeProxy is refused if storage clashes", async () =>
  refused(async () => upgrades.upgradeProxy(await box.getAddress(), await factory("BoxThatClashes")), /layout|storage/i),
);
await check("upgrades: upgradeProxy, transparent", () => upgraded(box, "BoxThatCounts"));
await check("upgrades: deployProxy and upgradeProxy, uups", async () => {
  const own = await deployed(await upgrades.deployProxy(await factory("OwnBox"), [42n], { kind: "uups" }));
  await upgraded(own, "OwnBoxThatCounts");
});
await check("upgrades: deployBeacon, deployBeaconProxy and upgradeBeacon", async () => {
  const beacon = await deployed(await upgrades.deployBeacon(await factory("Box")));
  const one = await deployed(await upgrades.deployBeaconProxy(beacon, await factory("Box"), [42n]));
  await upgrades.upgradeBeacon(beacon, await factory("BoxThatCounts"));
  const counts = (await factory("BoxThatCounts")).attach(await one.getAddress());
  await (await counts.increment()).wait();
  equal(await counts.value(), 43n);
});
