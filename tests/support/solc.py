"""npm's solc for tests: releases in the cache that all tests share, and as an executable for tools that want one."""

import os
import shutil
from pathlib import Path

import pytest

from megaeth_cli.compile import npm
from megaeth_cli.compile.pragma import Version
from tests.support.cli import compiler_variables

# forge takes a native compiler only, and not every machine may fetch one. As a native one it reads the files that are
# not in the request, below --base-path and --include-path.
EXECUTABLE = """\
#!/usr/bin/env node
const fs = require("fs"), path = require("path");
if (process.argv.includes("--version")) {{
  console.log("solc, the solidity compiler\\nVersion: {version}+commit.00000000.Emscripten.clang");
  process.exit(0);
}}
const soljson = require("{soljson}");
const roots = process.argv.filter((_, place, all) => ["--base-path", "--include-path"].includes(all[place - 1]));
const give = (place, text) => {{
  const size = soljson.lengthBytesUTF8(text) + 1, at = soljson._solidity_alloc(size);
  soljson.stringToUTF8(text, at, size);
  soljson.setValue(place, at, "*");
}};
const read = (context, kind, name, contents, error) => {{
  const found = roots.map((root) => path.join(root, soljson.UTF8ToString(name))).filter(fs.existsSync);
  if (found.length === 1) give(contents, fs.readFileSync(found[0], "utf8"));
  else give(error, found.length ? "Ambiguous import." : "File not found.");
}};
const parts = [];
process.stdin.on("data", (part) => parts.push(part));
process.stdin.on("end", () => {{
  // Before 0.6 the compiler takes no reader with this signature, and forge gives it all sources anyway.
  const reader = {reads} ? soljson.addFunction(read, "viiiii") : 0;
  const compile = soljson.cwrap("solidity_compile", "string", ["string", "number", "number"]);
  process.stdout.write(compile(Buffer.concat(parts).toString(), reader, 0), () => process.exit(0));
}});
"""


def fetched_solc(version):
    """Path of a release's soljson.js."""
    installer = shutil.which("npm")
    if installer is None or shutil.which("node") is None:
        pytest.skip("node and npm are absent")
    cache = Path(compiler_variables()["MEGAETH_CACHE"])
    path = npm.path_of(cache, version)
    return path if path.is_file() else npm.fetch(installer, cache, version, os.environ)


def native_solc(path, soljson):
    """Write an executable that behaves like a native solc of that release."""
    version = Version.parse(soljson.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    reads = str(version >= Version(0, 6, 0)).lower()
    path.write_text(EXECUTABLE.format(version=version, soljson=soljson, reads=reads))
    path.chmod(0o755)
    return path
