# syntax=docker/dockerfile:1
# Two stages: the first has compilers and builds one wheel; the second has Python, that wheel and nothing to build with.

ARG PYTHON_VERSION=3.12

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
ARG RUST_VERSION=1.91.1
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev make curl ca-certificates
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain ${RUST_VERSION}
ENV PATH="/root/.cargo/bin:${PATH}"
WORKDIR /src
COPY pyproject.toml Cargo.toml Cargo.lock README.md LICENSE-MIT LICENSE-APACHE ./
COPY engine engine
COPY devnet devnet
COPY megaeth_cli megaeth_cli
RUN pip wheel --no-deps --wheel-dir /wheels .
RUN python -m venv /opt/megaeth && /opt/megaeth/bin/pip install --no-cache-dir /wheels/*.whl

FROM python:${PYTHON_VERSION}-slim-bookworm
# node runs the Solidity compiler of `megaeth deploy`.
COPY --from=node:22-bookworm-slim /usr/local/bin/node /usr/local/bin/node
COPY --from=node:22-bookworm-slim /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
RUN useradd --create-home --uid 10001 megaeth && install -d -o megaeth -g megaeth /data
COPY --from=build /opt/megaeth /opt/megaeth
COPY scripts/healthcheck.sh /usr/local/bin/healthcheck
# Other containers reach this one by its service's name, which must be named here; `-e MEGAETH_ALLOW_HOST=...` for another.
ENV PATH="/opt/megaeth/bin:${PATH}" \
    MEGAETH_HOME=/data \
    MEGAETH_ALLOW_HOST=megaeth,devnet,host.docker.internal
USER megaeth
WORKDIR /home/megaeth
VOLUME /data
EXPOSE 8545
# Inside a container loopback is of no use: publish the port on 127.0.0.1 of the host, the keys are public.
# It asks the port in MEGAETH_PORT (8545): choose another one with -e, not with --port.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["/bin/bash", "/usr/local/bin/healthcheck"]
ENTRYPOINT ["megaeth"]
CMD ["devnet", "up", "--host", "0.0.0.0", "--expose-test-keys"]
