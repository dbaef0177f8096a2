#!/usr/bin/env bash
# [MAX_RESTARTS=0] [PORT=...] [NNODES=1 NODE_RANK=0 MASTER_ADDR=...] tools/dist_train.sh CONFIG GPUS
# [arguments of tools/train.py]; without a GPU, GPUS CPU processes. Variables: docs/distributed.md.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$HERE/..:${PYTHONPATH:-}"
USAGE="usage: tools/dist_train.sh CONFIG GPUS [arguments]"
# exec: a signal sent to this script reaches the launcher, which ends all processes
exec python "$HERE/_launch.py" "${2:?$USAGE}" "$HERE/train.py" "$1" --launcher pytorch "${@:3}"
