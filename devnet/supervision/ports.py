"""Whether a port can be had, and taking endpoints apart."""

import os
import socket


def refused(host: str, port: int) -> str:
    """Why nobody can listen there now; empty when somebody can."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    except OverflowError:
        return "there is no such port"
    return ""


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Of `host:port`, where IPv6 has brackets."""
    host, _, port = endpoint.rpartition(":")
    return host.strip("[]"), int(port)
