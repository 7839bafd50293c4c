"""How nodes of one devnet exchange the chain: mini-blocks, blocks and what is said of them. `docs/sync.md` has the
protocol in words.

    identity    who is who: the devnet's certificate authority, TLS contexts
    frames      the words and their encoding;  compress: the stream they travel in;  peer: one connection
    mesh        which peers a node is connected with
    publisher   feeds the log to other nodes;  backlog, log_reader: from memory, from disk
    follower    gets the log from one peer at a time and applies it;  sink: to what
    snapshot    a state as chunks;  bootstrap: fetches genesis and snapshot before a node begins
    gossip      what everyone should hear
    node        all of it together
"""

from devnet.sync.bootstrap import BadSnapshot, FoundGenesis, Progress, Trust, fetch_genesis, fetch_snapshot
from devnet.sync.frames import Endpoint, Malformed
from devnet.sync.gossip import Gossip, Kind
from devnet.sync.identity import Authority, Credentials
from devnet.sync.log_offset import GENESIS, EntryKind, LogEntry, LogOffset
from devnet.sync.log_reader import LogReader, NoSuchPlace, StoreLog
from devnet.sync.log_sink import EngineSink, LogSink, Refused
from devnet.sync.mesh import NEWCOMER, Local
from devnet.sync.node import PeerStatus, SyncNode, SyncStatus
from devnet.sync.settings import SyncSettings

__all__ = [
    "GENESIS",
    "NEWCOMER",
    "Authority",
    "BadSnapshot",
    "LogReader",
    "Credentials",
    "Endpoint",
    "EngineSink",
    "FoundGenesis",
    "Gossip",
    "LogEntry",
    "EntryKind",
    "Kind",
    "Local",
    "Malformed",
    "NoSuchPlace",
    "PeerStatus",
    "LogOffset",
    "Progress",
    "Refused",
    "StoreLog",
    "SyncNode",
    "SyncSettings",
    "SyncStatus",
    "LogSink",
    "Trust",
    "fetch_genesis",
    "fetch_snapshot",
]
