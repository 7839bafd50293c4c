"""A network whose processes, disks and files come to harm, and clients that remember what they were told.

| module        | what it is responsible for                                                               |
|---------------|------------------------------------------------------------------------------------------|
| `__main__.py` | the program                                                                              |
| `run.py`      | the rounds: which deeds, one after the other, and the look at everything after each      |
| `deeds/`      | bad things: `kills`, `points` (fault points), `disks`, `limits`, `damage`, `clock`        |
| `scene.py`    | where they are done, and what they have in common                                        |
| `network.py`  | the nodes, with many lives each                                                          |
| `doomed.py`   | the role's process that ends at a fault point, by a `Plan` (`plan.py`)                   |
| `damage.py`   | what disks do to files                                                                   |
| `disk.py`     | disks that are full or read-only                                                         |
| `clients.py`  | independent clients                                                                      |
| `judge.py`    | compares what clients, nodes and their peers say                                         |
| `report.py`   | what was done and what was wrong                                                         |
"""
