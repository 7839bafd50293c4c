// Writes what a hardhat configuration says of compilers:
// `node hardhat_config.mjs DIRECTORY-OF-HARDHAT CONFIG-FILE ANSWER-FILE`, in the project's root.
import { writeFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [installed, config, answer] = process.argv.slice(2);
const major = Number.parseInt(JSON.parse(readFileSync(join(installed, "package.json"), "utf8")).version, 10);
const ofProject = createRequire(join(installed, "package.json"));

async function hardhat2() {
  process.env.HARDHAT_CONFIG = config;
  process.env.HARDHAT_DISABLE_TELEMETRY_PROMPT = "true";
  ofProject("./register.js");
  return globalThis.hre ?? ofProject("./internal/lib/hardhat-lib.js");
}

async function hardhat3() {
  const { createHardhatRuntimeEnvironment } = await import(pathToFileURL(join(installed, "dist/src/hre.js")));
  if (/\.[cm]?ts$/.test(config)) {
    const { register } = await import(pathToFileURL(ofProject.resolve("tsx/esm/api")));
    register();
  }
  const module = await import(pathToFileURL(config));
  return createHardhatRuntimeEnvironment(module.default, { config }, process.cwd());
}

const hre = await (major >= 3 ? hardhat3() : hardhat2());
const { profiles, compilers, overrides } = hre.config.solidity;
const solidity = profiles ? profiles.default : { compilers, overrides };
const kept = ({ version, settings }) => ({ version, settings });
const units = Object.entries(solidity.overrides ?? {}).map(([unit, one]) => [unit, kept(one)]);
writeFileSync(answer, JSON.stringify({ compilers: solidity.compilers.map(kept), overrides: Object.fromEntries(units) }));
process.exit(0);
