"""A devnet with standbys whose leaders come to harm, and clients that remember what they were told.

| module         | what it is responsible for                                                            |
|----------------|---------------------------------------------------------------------------------------|
| `__main__.py`  | the program                                                                           |
| `run.py`       | the rounds: one deed each, and the look at everything after it                        |
| `deeds.py`     | bad things that happen to the leader, to links and to disks; and handing over         |
| `devnet.py`    | the devnet: a supervisor's own, with a network stack and a disk for each node         |
| `links.py`     | a network namespace for each node, and links between them that can be cut             |
| `placed.py`    | a role's process that goes to its node's network before it begins                     |
| `supervise.py` | the supervisor's process                                                              |
| `takeovers.py` | how long clients had no receipts                                                      |

Clients, judge and disks are those of `tests/torture/crash`.
"""
