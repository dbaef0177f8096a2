#!/usr/bin/env bash
# [PORT=...] [NNODES=1 NODE_RANK=0 MASTER_ADDR=...] tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of
# tools/test.py]; without a GPU, GPUS CPU processes. docs/distributed.md describes the variables.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$HERE/..:${PYTHONPATH:-}"
USAGE="usage: tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments]"
# exec: a signal sent to this script reaches the launcher, which ends all processes
exec python "$HERE/_launch.py" "${3:?$USAGE}" "$HERE/test.py" "$1" "$2" --launcher pytorch "${@:4}"
