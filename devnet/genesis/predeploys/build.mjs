// Compiles src/*.sol into the data files beside this script. Run after changing a source:
//   npm install --no-save solc@0.8.30 && node devnet/genesis/predeploys/build.mjs
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const solc = createRequire(path.join(process.cwd(), "package.json"))("solc");
const here = path.dirname(fileURLToPath(import.meta.url));

const ADDRESSES = {
  WETH: ["0x4200000000000000000000000000000000000006"],
  GasPriceOracle: ["0x420000000000000000000000000000000000000f"],
  L1Block: ["0x4200000000000000000000000000000000000015"],
  L2ToL1MessagePasser: ["0x4200000000000000000000000000000000000016"],
  FeeVault: [
    "0x4200000000000000000000000000000000000011",
    "0x4200000000000000000000000000000000000019",
    "0x420000000000000000000000000000000000001a",
    "0x420000000000000000000000000000000000001b",
  ],
  Multicall3: ["0xca11bde05977b3631167028862be2a173976ca11"],
};

for (const [name, addresses] of Object.entries(ADDRESSES)) {
  const file = `src/${name}.sol`;
  const input = {
    language: "Solidity",
    sources: { [file]: { content: fs.readFileSync(path.join(here, file), "utf8") } },
    settings: {
      optimizer: { enabled: true, runs: 10000 },
      evmVersion: "prague",
      metadata: { appendCBOR: false, bytecodeHash: "none" },
      outputSelection: { "*": { "*": ["evm.deployedBytecode.object", "abi", "storageLayout"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors ?? []).filter((e) => e.severity === "error");
  if (errors.length) throw new Error(errors.map((e) => e.formattedMessage).join("\n"));
  const contract = output.contracts[file][name];
  const artifact = {
    name,
    addresses,
    nonce: 1,
    source: `${file}, solc ${solc.version()}, optimizer 10000 runs, prague`,
    licence: "MIT OR Apache-2.0",
    code: "0x" + contract.evm.deployedBytecode.object,
    abi: contract.abi,
    layout: contract.storageLayout,
  };
  fs.writeFileSync(path.join(here, `${name}.json`), JSON.stringify(artifact, null, 2) + "\n");
  console.log(name, artifact.code.length / 2 - 1, "bytes");
}
