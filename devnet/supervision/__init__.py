"""Which processes run: `supervisor` starts, watches and stops them, `control` takes orders from the command line.

launch (which nodes, how each is run) -> supervisor -> process (one role's process, its output in a rotating log)
detached: a supervisor without a terminal; pki: certificates and keys that make a node one of this devnet's
"""
