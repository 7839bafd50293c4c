"""The load generator: signed transactions or reads over a few connections, and what became of them.

    senders, contracts -> requests (signed, rendered) -> connections -> loop (epoll) -> answers, inclusion -> outcome

It shares the machine with the node that it measures, so everything it can do before or after the clock runs is done
then, and it says what it took while it ran. `megaeth bench` is its command; `bench/` compares nodes with it.
Knows nothing of how a node is started.
"""
