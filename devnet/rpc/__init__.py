"""The JSON-RPC server: HTTP and WebSocket on one port.

| module             | what it is responsible for                                                            |
|--------------------|---------------------------------------------------------------------------------------|
| `server.py`        | puts the parts together, listens, stops                                               |
| `http.py`, `ws.py` | one connection: bytes to bodies, responses to bytes                                   |
| `listener.py`      | takes connections, or turns them away                                                 |
| `flow_control.py`  | how fast a connection is read                                                         |
| `engine_bridge.py` | hands bodies to the engine, brings responses back                                     |
| `engine_rpc.py`    | what is needed of the engine, as a type                                               |
| `jsonrpc.py`       | what a request is, and how answers are written                                        |
| `turns.py`         | the loop's time, dealt out in turns                                                   |
| `dispatch.py`      | bodies with methods that Python answers, alone or mixed with the engine's             |
| `eth.py` `net.py` `web3.py` `rpc_modules.py` | the methods that Python answers, one module per namespace          |
| `polled_filters.py` `filter_news.py` | filters that clients poll, and what has come since the last time       |
| `tx_request.py` `filters.py` | what stands in their parameters, checked                                    |
| `accounts.py` `eip712.py` | the development accounts and what they sign                                    |
| `subscriptions.py` | `eth_subscribe` and the news for subscribers                                          |
| `sync_status.py`   | what `eth_syncing` says                                                               |
| `openrpc/`         | the document that describes all methods (`rpc.discover`)                              |
| `gateway/`         | the rules of MegaETH's public endpoint, on an address of their own                    |
| `routes.py`        | what GET answers: help, `/healthz`                                                    |
| `http_response.py` | HTTP response heads                                                                   |
| `access.py`        | which Host names and web origins may speak to the server                              |
| `settings.py` `context.py` | what can be set; what all connections share                                   |

Methods that read the chain or send raw transactions are the engine's, from the JSON of the request to the
JSON of the response (`engine/src/rpc/`); they pass through here without being looked at.
"""
