"""The environments that compilers and their helpers get: what they need to run, and no secrets.

A compiler is somebody else's program. `MEGAETH_PRIVATE_KEY`, tokens and whatever else the user's shell exports are none
of its business.
"""

import os
from collections.abc import Mapping

_RUN = (
    "PATH",
    "HOME",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
)
_REACH_THE_REGISTRY = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
)
_NPM_SETTINGS = "NPM_CONFIG_"
_OWN_SETTINGS = "MEGAETH_"


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What a compiler gets: where programs, libraries and temporary files are."""
    return {name: value for name, value in _given(variables).items() if name in _RUN}


def npm_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What npm gets besides: proxies, certificates, and its own settings."""
    return environment(variables) | {
        name: value
        for name, value in _given(variables).items()
        if name.upper() in _REACH_THE_REGISTRY or name.upper().startswith(_NPM_SETTINGS)
    }


def project_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What the project's own configuration gets when it is run: everything but megaeth's settings, keys among them."""
    return {
        name: value for name, value in _given(variables).items() if not name.upper().startswith(_OWN_SETTINGS)
    }


def _given(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Callers without an environment of their own mean the process's."""
    return variables if "PATH" in variables else {**os.environ, **variables}
