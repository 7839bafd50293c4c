"""Which processes run: `supervisor` starts, watches and stops them, `control` takes orders from the command line.

    launch (which nodes, how each is run) -> supervisor -> process (one role's process, its output in a rotating log)

What the supervisor holds is apart from what it does: `premises` are its directories, `placement` its ports, peers and
certificates (by `pki`), `node` what each node is now. `detached` runs a supervisor without a terminal.
"""
