#!/usr/bin/env bash
# tools/mini_sound.sh [SEEDS]: makes mini kitchens that can be heard unless they are there, trains and tests audio
# alone, CAST, CAVA and CA2ST, and CA2ST on controls, with three seeds each or SEEDS, and prints how often the verbs
# that differ in motion, and those that differ in sound, are recognised: WORK/groups.png shows it.
# Called again, it goes on with the run at which it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
WORK=work_dirs/mini_sound
make() { [ -f "$1/EPIC_100_validation.csv" ] || python tools/data/mini_kitchens/generate_sound.py "$@"; }
make data/mini_sound
make data/mini_sound_shuffled_sound --shuffle sound
make data/mini_sound_shuffled_motion --shuffle motion
for seed in $(seq 0 $((${1:-3} - 1))); do
    for config in configs/ca2st/mini/*.py; do
        run=$WORK/$(basename "$config" .py)_seed$seed
        [ -f "$run/predictions.pkl" ] && continue
        echo "$run"
        python tools/train.py "$config" --seed "$seed" --work-dir "$run"
        python tools/test.py "$config" "$run/epoch_10.pth" --work-dir "$run" --dump "$run/predictions.pkl"
    done
done
python tools/analysis/pair_accuracy.py $WORK --classes data/mini_sound/EPIC_100_verb_classes.csv --plot $WORK/groups.png
