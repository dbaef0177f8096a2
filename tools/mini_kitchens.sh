#!/usr/bin/env bash
# tools/mini_kitchens.sh [SEED]: makes the mini kitchens unless they are there, trains a small CAST, tests it,
# and draws its curves and some of the clips with what it saw in them: WORK_DIR/quick_start.png.
set -euo pipefail
cd "$(dirname "$0")/.."
CONFIG=configs/cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py
SEED=${1:-0}
WORK=work_dirs/mini_seed$SEED
# one thread computes while the data worker has a core of its own: measured faster on two cores
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
if [ -f data/mini_kitchens/EPIC_100_validation.csv ]; then
    echo "data/mini_kitchens is there already, with $(($(wc -l < data/mini_kitchens/EPIC_100_train.csv) - 1)) actions to train on (1920 if you delete the folder and let it be made anew)"
else
    python tools/data/mini_kitchens/generate.py
fi
python tools/train.py $CONFIG --seed "$SEED" --work-dir "$WORK"
python tools/test.py $CONFIG "$WORK/epoch_15.pth" --work-dir "$WORK" --dump "$WORK/predictions.pkl"
python tools/analysis/plot_run.py "$WORK"
python tools/analysis/plot_predictions.py $CONFIG "$WORK/predictions.pkl" --out "$WORK/predictions.png" \
    --join "$WORK/curves.png" "$WORK/quick_start.png"
