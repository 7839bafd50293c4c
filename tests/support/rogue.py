"""A peer that does what it likes: a certificate, a TLS socket, and whatever bytes a test wants to send."""

import asyncio

from devnet.sync.compress import Compressor, Decompressor
from devnet.sync.frames import PREAMBLE, FrameReader, Hello, Ping, Pong, Status
from tests.support.sync_net import CHAIN_ID, GENESIS_HASH


class Rogue:
    """`async with Rogue(credentials, endpoint) as peer:`"""

    def __init__(self, credentials, endpoint, preamble=PREAMBLE):
        self.heard = []
        self.ended = asyncio.Event()
        self.content_bytes = 0
        self._credentials = credentials
        self._endpoint = endpoint
        self._preamble = preamble
        self._compressor = Compressor()
        self._frames = FrameReader(lambda cls, size: None)
        self._decompressor = Decompressor()

    def _content(self, data):
        self.content_bytes += len(data)
        self._frames.feed(data, self.heard.append)

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_connection(
            self._endpoint.host, self._endpoint.port, ssl=self._credentials.client_context()
        )
        self._writer.write(self._preamble)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_):
        self._listening.cancel()
        self._writer.transport.abort()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def _listen(self):
        try:
            await self._reader.readexactly(len(PREAMBLE))
            while data := await self._reader.read(1 << 16):
                before = len(self.heard)
                self._decompressor.feed(data, self._content)
                for frame in self.heard[before:]:
                    if isinstance(frame, Ping):
                        self.say(Pong(frame.token))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended.set()

    def greet(self, node, role="full-node", status=None, **changed):
        fields = {"chain_id": CHAIN_ID, "genesis_hash": GENESIS_HASH, "node": node, "role": role}
        self.say(Hello(**(fields | changed), host="127.0.0.1", port=0, status=status or Status()))

    def say(self, *frames):
        self.raw(*(frame.encode() for frame in frames))

    def raw(self, *pieces):
        """Into the compressed stream."""
        if not self._writer.transport.is_closing():
            self._writer.write(self._compressor.compress(list(pieces)))

    def wire(self, data):
        """Into the TLS connection."""
        self._writer.write(data)

    def of(self, kind):
        return [frame for frame in self.heard if isinstance(frame, kind)]
