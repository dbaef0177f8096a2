#!/usr/bin/env bash
# tools/mini_reversed.sh [SEEDS]: makes mini kitchens whose verbs are pairs of reversals, trains and tests a small
# X-ViT, the same with less that tells the order of frames, and CAST with X-ViT, each with SEEDS seeds (3), and
# prints and draws how often each model tells an action from its reversal: work_dirs/mini_reversed/pairs.png.
# Called again, it goes on with the run at which it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
WORK=work_dirs/mini_reversed
[ -f data/mini_reversed/EPIC_100_validation.csv ] || python tools/data/mini_kitchens/generate_reversed.py
for seed in $(seq 0 $((${1:-3} - 1))); do
    for config in configs/xvit/mini/*.py; do
        run=$WORK/$(basename "$config" .py)_seed$seed
        [ -f "$run/predictions.pkl" ] && continue
        echo "$run"
        python tools/train.py "$config" --seed "$seed" --work-dir "$run"
        python tools/test.py "$config" "$run/epoch_15.pth" --work-dir "$run" --dump "$run/predictions.pkl"
    done
done
python tools/analysis/pair_accuracy.py $WORK --plot $WORK/pairs.png
