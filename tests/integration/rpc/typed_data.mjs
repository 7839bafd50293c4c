// What viem and ethers make of documents: a line of JSON in, a line of JSON out.
import { createInterface } from 'node:readline'
import { TypedDataEncoder } from 'ethers'
import { hashStruct, hashTypedData } from 'viem'

const attempt = (what) => {
  try {
    return { hash: what() }
  } catch (error) {
    return { refused: String(error.message).split('\n')[0] }
  }
}

// ethers takes no type that the primary one is not made of.
const reachable = (types, name, found = {}) => {
  const element = String(name).split('[')[0]
  if (Object.hasOwn(types, element) && !Object.hasOwn(found, element)) {
    found[element] = types[element]
    for (const { type } of types[element]) reachable(types, type, found)
  }
  return found
}

for await (const line of createInterface({ input: process.stdin })) {
  const document = JSON.parse(line)
  const { types, primaryType, domain, message } = document
  const viem = attempt(() => hashTypedData(document))
  const struct = attempt(() => hashStruct({ types, primaryType, data: message }))
  const ethers = attempt(() => TypedDataEncoder.from(reachable(types, primaryType)).hash(message))
  const separator = attempt(() => TypedDataEncoder.hashDomain(domain))
  console.log(JSON.stringify({ viem, struct, ethers, separator }))
}
