"""A poor link between two nodes of this machine, packet by packet: what `tc netem` does, where no such module is.

    node --(packet to FAR)--> kernel --> TUN device --> queue, rate, loss, delay --> TUN device --> kernel --> peer

Whoever connects to FAR reaches this machine, and is seen to come from FAR: the two addresses of each packet change
places, everything else stays as the kernel made it, so that its own TCP fights with the losses. It takes a network
namespace of its own (`own_network.py`), and `ip` of iproute2.
"""

import asyncio
import fcntl
import os
import random
import struct
import subprocess

NEAR, FAR = "198.18.0.1", "198.18.0.2"
DEVICE = "poor0"
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES = 65536
QUEUE_BYTES = 128 * 1024
"""What waits in front of the slow link; half a second at 2 Mbit/s. More is dropped."""
TCP = 6


class PacketWire:
    """`async with PacketWire(shape) as wire:`; `near_ports` and `far_ports` are where the two nodes listen: they tell
    which way a packet goes."""

    host = "0.0.0.0"
    """Where both nodes have to listen."""

    def __init__(self, shape, seed=1):
        self.shape = shape
        self.near_ports = set()
        self.far_ports = set()
        self.is_cut = False
        self.passed = 0
        """Packets."""
        self.lost = 0
        self._random = random.Random(seed)
        self._queues = {True: _Queue(), False: _Queue()}

    async def __aenter__(self):
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, TUNSETIFF, struct.pack("16sH", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
        for command in (
            "link set lo up",
            f"address add {NEAR} peer {FAR} dev {DEVICE}",
            f"link set {DEVICE} up",
        ):
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._device, self._read)
        return self

    async def __aexit__(self, *_):
        self._loop.remove_reader(self._device)
        os.close(self._device)

    def place(self, port):
        """Where the other node finds a port of this one."""
        return FAR, port

    def cut(self):
        """Nothing passes any more, and nobody is told."""
        self.is_cut = True

    def heal(self):
        self.is_cut = False

    def _read(self):
        while True:
            try:
                packet = bytearray(os.read(self._device, PACKET_BYTES))
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:
                self._take(packet)

    def _take(self, packet):
        queue, shape, now = self._queues[self._goes_to_far(packet)], self.shape, self._loop.time()
        waiting_s = max(0.0, queue.free_at - now)
        if (
            self.is_cut
            or self._random.random() < shape.loss
            or waiting_s * shape.bits_per_s / 8 > QUEUE_BYTES
        ):
            self.lost += 1
            return
        self.passed += 1
        packet[12:16], packet[16:20] = packet[16:20], packet[12:16]
        queue.free_at = max(queue.free_at, now)
        if shape.bits_per_s:
            queue.free_at += len(packet) * 8 / shape.bits_per_s
        self._loop.call_at(queue.free_at + shape.delay_s, self._deliver, bytes(packet))

    def _goes_to_far(self, packet):
        if packet[9] != TCP:
            return True
        header = (packet[0] & 15) * 4
        source, target = struct.unpack_from("!HH", packet, header)
        return source in self.near_ports or target in self.far_ports

    def _deliver(self, packet):
        if not self.is_cut:
            os.write(self._device, packet)


class _Queue:
    """One direction."""

    free_at = 0.0
    """When the last bit of what was taken has left."""
