module.exports = { solidity: "0.8.30", networks: { node: { url: process.env.RPC_URL } }, mocha: { timeout: 60000 } };
