#!/usr/bin/env bash
# tools/mini_long.sh [SEED]: makes mini kitchens with actions of 4 to 8 seconds, trains a small CAST that sees two
# seconds at a time, tests it on trimmed actions, labels the untrimmed videos over time, and prints how often it is
# right in each case: in the middle of each trimmed action, and second by second.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
CONFIG=configs/cast/mini/cast_mini_1xb32-8x3-15e_mini-long-rgb.py
WORK=work_dirs/mini_long_seed${1:-0}
[ -f data/mini_long/EPIC_100_validation.csv ] || python tools/data/mini_kitchens/generate_long.py
[ -f "$WORK/epoch_15.pth" ] || python tools/train.py $CONFIG --seed "${1:-0}" --work-dir "$WORK"
python tools/test.py $CONFIG "$WORK/epoch_15.pth" --work-dir "$WORK" --dump "$WORK/predictions.pkl"
for participant in data/mini_long/P5*; do
    python tools/timeline.py "$participant/videos" $CONFIG "$WORK/epoch_15.pth" --window 2 --stride 1 --no-video \
        --out "$WORK/timelines/$(basename "$participant")"
done
python tools/analysis/timeline_accuracy.py $CONFIG "$WORK/timelines"
