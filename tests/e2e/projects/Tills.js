const { buildModule } = require("@nomicfoundation/hardhat-ignition/modules");

module.exports = buildModule("Tills", (m) => {
  const sum = m.library("Sum");
  return { till: m.contract("Till", [7n], { id: "Main", libraries: { Sum: sum } }) };
});
