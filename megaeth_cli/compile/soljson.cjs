// Runs a release of npm's `solc` on one standard JSON request from stdin: `node soljson.cjs PATH-OF-SOLJSON`.
// Only the compiler itself is loaded: the package's own wrapper has dependencies and reads imports from the disk.
"use strict";
const parts = [];
process.stdin.on("data", (part) => parts.push(part));
process.stdin.on("end", () => {
  const soljson = require(require("path").resolve(process.argv[process.argv.length - 1]));
  const request = Buffer.concat(parts).toString("utf8");
  // Before 0.5 the function had another name. No callback (0): it may open no file.
  const answer = soljson._solidity_compile
    ? soljson.cwrap("solidity_compile", "string", ["string", "number", "number"])(request, 0, 0)
    : soljson.cwrap("compileStandard", "string", ["string", "number"])(request, 0);
  process.stdout.write(answer, () => process.exit(0));
});
