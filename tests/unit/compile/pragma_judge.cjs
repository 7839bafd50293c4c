// Answers one line of JSON for each source on stdin: whether the compiler takes it. `node pragma_judge.cjs SOLJSON`
const soljson = require(process.argv[2]);
const compile = soljson.cwrap("solidity_compile", "string", ["string", "number", "number"]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const request = { language: "Solidity", sources: { a: { content: JSON.parse(line) } }, settings: { outputSelection: {} } };
  const errors = JSON.parse(compile(JSON.stringify(request), 0, 0)).errors ?? [];
  console.log(!errors.some((error) => error.severity === "error"));
});
