import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

export default buildModule("Boxes", (m) => {
  const box = m.contract("Box");
  const initialized = m.call(box, "initialize", [41n]);
  m.call(box, "set", [42n], { after: [initialized] });
  return { box };
});
