"""An HTTP server of blocking sockets for clients that keep their connections: each answer is a function of the body."""

import socket
import threading
from contextlib import contextmanager

from megaeth_cli.load.wire import Endpoint


@contextmanager
def server(answer, connections):
    """Serve some connections, each request with `answer(body)`; None hangs up. Yield (endpoint, bodies)."""
    seen = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(peer):
        with peer, peer.makefile("rwb") as stream:
            while line := stream.readline():
                length = 0
                while line.strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                    line = stream.readline()
                body = stream.read(length)
                seen.append(body)
                reply = answer(body)
                if reply is None:
                    return
                stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply))
                stream.flush()

    def accept():
        for _ in range(connections):
            threads.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
            threads[-1].start()

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield Endpoint("127.0.0.1", listener.getsockname()[1]), seen
    finally:
        for thread in threads:
            thread.join()
        listener.close()
