#!/usr/bin/env bash
# [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] tools/slurm_test.sh PARTITION JOB CONFIG CHECKPOINT [arguments]
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$HERE/..:${PYTHONPATH:-}" MASTER_PORT=${MASTER_PORT:-$((12000 + RANDOM % 20000))}
GPUS=${GPUS:-8} PER_NODE=${GPUS_PER_NODE:-8}
# shellcheck disable=SC2086  # SRUN_ARGS holds several words
srun -p "$1" --job-name="$2" --gres=gpu:"$PER_NODE" --ntasks="$GPUS" \
    --ntasks-per-node="$((GPUS < PER_NODE ? GPUS : PER_NODE))" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} python -u "$HERE/test.py" "$3" "$4" --launcher slurm "${@:5}"
