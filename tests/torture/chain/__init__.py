"""Every kind of transaction that can drive a chain, from one seed, against a whole network that checks itself.

    World (seed) --kinds--> Sendings --script--> rounds --run--> network --receipts--> Tally
                                                                    |
                                              watch (on the way), audit (in the end) --> Faults

`world` makes and signs transactions and remembers nonces; `kinds/` has one function for each kind; `script` deals
them to rounds; nothing of that talks to anyone, so that a seed always gives the same. `network` starts the nodes, `run`
sends and collects, `watch` and `audit` compare, `tally` counts.
"""
