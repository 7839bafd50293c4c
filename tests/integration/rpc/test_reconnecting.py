"""Clients over WebSockets outlive a restart of the node, as far as they know how to come back."""

import contextlib
import shutil
import socket
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import npm
from tests.support.waiting import eventually

SCRIPT = "reconnecting.mjs"


class Client:
    """A script that runs, and what it has said."""

    def __init__(self, directory, which, url):
        command = [shutil.which("node"), directory / SCRIPT, which, url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = []
        self._reader = threading.Thread(target=lambda: self.said.extend(map(str.strip, self.process.stdout)))
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()

    def until(self, word):
        eventually(lambda: word in self.said, f"{word}: {self.said}", deadline_s=120)


class Door:
    """A port that is always there, before a node that is not: who comes meanwhile waits, as at a node that starts."""

    def __init__(self, node):
        self._node = node
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listening.getsockname()[1]}"
        self._sockets = [self._listening]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                node = eventually(self._knock, "the node")
                self._sockets += (client, node)
                for source, target in ((client, node), (node, client)):
                    threading.Thread(target=_pump, args=(source, target), daemon=True).start()

    def _knock(self):
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", self._node.port))


def _pump(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def restart(node):
    assert node.stop() == 0
    node.config = replace(node.config, rpc=replace(node.config.rpc, port=node.port))
    node.start()


@pytest.fixture
def scripts(tmp_path):
    (tmp_path / "node_modules").symlink_to(npm.directory() / "node_modules")
    shutil.copy(Path(__file__).parent / SCRIPT, tmp_path)
    return tmp_path


def test_viem_comes_back_by_itself_unless_it_is_refused(new_node, scripts):
    node = new_node().start()
    with Door(node) as door, Client(scripts, "viem", door.url) as viem:
        viem.until("follows")
        restart(node)
        viem.until("back")


def test_ethers_comes_back_as_the_documentation_advises(new_node, scripts):
    node = new_node().start()
    with Client(scripts, "ethers", node.ws_url) as ethers:
        ethers.until("follows")
        restart(node)
        ethers.until("back")
        assert "lost 1001 the node is stopping" in ethers.said
