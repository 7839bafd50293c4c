"""Clients over WebSockets outlive a restart of the node, as far as they know how to come back."""

import shutil
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

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


def test_viem_and_ethers_go_on_after_a_restart_as_the_documentation_advises(new_node, tmp_path):
    (tmp_path / "node_modules").symlink_to(npm.directory() / "node_modules")
    shutil.copy(Path(__file__).parent / SCRIPT, tmp_path)
    node = new_node().start()
    with Client(tmp_path, "viem", node.ws_url) as viem, Client(tmp_path, "ethers", node.ws_url) as ethers:
        viem.until("follows")
        ethers.until("follows")
        assert node.stop() == 0
        node.config = replace(node.config, rpc=replace(node.config.rpc, port=node.port))
        node.start()
        ethers.until("back")
        viem.until("back")
        assert "lost 1001 the node is stopping" in ethers.said
