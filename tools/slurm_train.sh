#!/usr/bin/env bash
# [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=5] [SRUN_ARGS=...] tools/slurm_train.sh PARTITION JOB CONFIG
# [arguments of tools/train.py]. GPUS_PER_NODE=0 asks for none: GPUS CPU tasks. See docs/distributed.md.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
: "${3:?usage: tools/slurm_train.sh PARTITION JOB CONFIG [arguments]}"
export PYTHONPATH="$HERE/..:${PYTHONPATH:-}" MASTER_PORT=${MASTER_PORT:-$((12000 + RANDOM % 20000))}
GPUS=${GPUS:-8} PER_NODE=${GPUS_PER_NODE:-8}
NODE=()
if [ "$PER_NODE" -gt 0 ]; then
    NODE=(--gres=gpu:"$PER_NODE" --ntasks-per-node="$((GPUS < PER_NODE ? GPUS : PER_NODE))")
fi
# exec: a signal sent to this script reaches srun, which ends all tasks
# shellcheck disable=SC2086  # SRUN_ARGS holds several words
exec srun -p "$1" --job-name="$2" --ntasks="$GPUS" "${NODE[@]}" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} python -u "$HERE/train.py" "$3" --launcher slurm "${@:4}"
