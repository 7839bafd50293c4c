"""Fork mode: a chain that goes on from another one, whose state it reads from that chain's node as it is asked for.

    engine -- questions in JSON-RPC --> Fetcher --> ForkCache (LevelDB) --> Remote (HTTP)

Which chain and which block is found out once (`point.py`, `genesis.py`) and belongs to the chain from then on. From
where it is read may change from start to start.
"""

from devnet.fork.buckets import crowded_buckets, data_buckets
from devnet.fork.cache import ForkCache
from devnet.fork.fetcher import Fetcher
from devnet.fork.genesis import fork_genesis
from devnet.fork.leader_first import LeaderFirst
from devnet.fork.point import ForkPoint, find_point, require_same_chain
from devnet.fork.remote import Remote, RemoteFault, RemoteSilentError

__all__ = [
    "Fetcher",
    "ForkCache",
    "ForkPoint",
    "LeaderFirst",
    "Remote",
    "RemoteFault",
    "RemoteSilentError",
    "crowded_buckets",
    "data_buckets",
    "find_point",
    "fork_genesis",
    "require_same_chain",
]
