#!/bin/bash
# Whether the node answers /healthz with 200. The container runs this every few seconds: bash speaks HTTP by itself, and
# starting Python for it would cost more than an idle devnet. MEGAETH_PORT is the devnet's own setting.
exec 3<>"/dev/tcp/127.0.0.1/${MEGAETH_PORT:-8545}" || exit 1
printf 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
read -r -t 2 _ code _ <&3 && [ "$code" = 200 ]
