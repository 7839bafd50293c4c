"""The rules of MegaETH's public endpoint, on an address of their own beside the node's (`--gateway`).

    connection --submit(body)--> GatewayBridge --judged--> Dispatcher --> engine
                                      |  asks                 ^
                                   rules.py, limits.py        +-- the node's own address goes there without being asked

| module        | what it is responsible for                                                        |
|---------------|-----------------------------------------------------------------------------------|
| `rules.py`    | the rules as data: name, number, code, words, and where they are documented        |
| `judge.py`    | which rule a body or a request breaks by itself                                    |
| `budgets.py`  | what a client has used of its rates and of its sockets                             |
| `measured.py` | rules that are only seen when a request runs: compute gas, time                    |
| `bridge.py`   | where connections of the gateway's address hand their bodies over                  |

Not here: sockets (`http.py`, `ws.py`), methods (`dispatch.py`).
"""
