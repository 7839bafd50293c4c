"""How nodes of one devnet exchange the chain: mini-blocks, blocks and what is said of them. `docs/sync.md` has the
protocol in words.

    identity    who is who: the devnet's certificate authority, TLS contexts
    frames      the words and their encoding;  compress: the stream they travel in;  peer: one connection
    mesh        which peers a node is connected with
    publisher   feeds the log to other nodes;  backlog, chain_source: from memory, from disk
    follower    gets the log from one peer at a time and applies it;  target: to what
    snapshot    a state as chunks;  catchup: fetches genesis and snapshot before a node begins
    gossip      what everyone should hear
    node        all of it together
"""

from devnet.sync.catchup import BadSnapshot, FoundGenesis, Progress, Trust, fetch_genesis, fetch_snapshot
from devnet.sync.chain_source import ChainSource, NoSuchPlace, StoreLog
from devnet.sync.frames import Endpoint, Malformed
from devnet.sync.gossip import Gossip, Kind
from devnet.sync.identity import Authority, Credentials
from devnet.sync.mesh import NEWCOMER, Local
from devnet.sync.node import PeerStatus, SyncNode, SyncStatus
from devnet.sync.position import GENESIS, Item, ItemKind, Position
from devnet.sync.settings import SyncSettings
from devnet.sync.target import EngineTarget, Refused, Target

__all__ = [
    "GENESIS",
    "NEWCOMER",
    "Authority",
    "BadSnapshot",
    "ChainSource",
    "Credentials",
    "Endpoint",
    "EngineTarget",
    "FoundGenesis",
    "Gossip",
    "Item",
    "ItemKind",
    "Kind",
    "Local",
    "Malformed",
    "NoSuchPlace",
    "PeerStatus",
    "Position",
    "Progress",
    "Refused",
    "StoreLog",
    "SyncNode",
    "SyncSettings",
    "SyncStatus",
    "Target",
    "Trust",
    "fetch_genesis",
    "fetch_snapshot",
]
