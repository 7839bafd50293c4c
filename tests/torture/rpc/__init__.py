"""Clients that treat a node's JSON-RPC badly, and honest ones that must not notice.

| module         | what it is responsible for                                                              |
|----------------|-----------------------------------------------------------------------------------------|
| `__main__.py`  | the program                                                                             |
| `session.py`   | one run: a sequencer and a full node, attackers, honest clients, what is seen of all    |
| `attacks.py`   | what attackers do, a second or so at a time: `rpc`, `http`, `websocket`, `flood`, `abandon` |
| `words.py`     | mutated requests                                                                        |
| `crew.py`      | the attackers' processes                                                                |
| `honest.py`    | clients that know what the right answer is                                              |
| `watch.py`     | whether nodes live, go on, and give back what they took                                 |
| `report.py`    | what was done and what was wrong                                                        |
"""
