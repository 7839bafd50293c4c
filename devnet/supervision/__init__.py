"""Which processes run: `supervisor` starts, watches and stops them, `control` takes orders from the command line.

    launch (which nodes, how each is run) -> supervisor -> process (one role's process, its output in a rotating log)
                                                 |
                   premises (directories), placement (ports, peers, certificates by pki), node (what each is now)

    detached: a supervisor without a terminal
"""
