// A program that follows the chain over a WebSocket and goes on after the node's restart, as docs/json-rpc.md advises.
// usage: node reconnecting.mjs viem|ethers WS_URL; prints "follows", "lost CODE REASON", "back".
import { WebSocketProvider } from 'ethers'
import { createPublicClient, webSocket } from 'viem'

const [which, url] = process.argv.slice(2)
let follows = false
let lost = false

function heard() {
  if (!follows) console.log('follows')
  follows = true
  if (lost) {
    console.log('back')
    process.exit(0)
  }
}

function viem() {
  const client = createPublicClient({ transport: webSocket(url) })
  client.watchBlockNumber({ onBlockNumber: heard, onError: () => (lost = true) })
}

function ethers() {
  const provider = new WebSocketProvider(url)
  provider.websocket.onerror = () => {}
  provider.websocket.onclose = ({ code, reason }) => {
    if (!lost) console.log('lost', code, reason)
    lost = true
    setTimeout(ethers, 500)
  }
  provider.on('block', heard)
}

;({ viem, ethers })[which]()
