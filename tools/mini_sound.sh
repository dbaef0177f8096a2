#!/usr/bin/env bash
# tools/mini_sound.sh [SEEDS]: makes mini kitchens that can be heard unless they are there, trains and tests CA2ST, CAST,
# CAVA and audio alone with three seeds each or SEEDS, tests CA2ST on shuffled kitchens, and prints how often the verbs
# that differ in motion, and those that differ in sound, are recognised; WORK/groups.png shows it.
# Called again, it goes on with the run at which it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
WORK=work_dirs/mini_sound
CONFIGS=configs/ca2st/mini
CA2ST=ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio
make() { [ -f "$1/EPIC_100_validation.csv" ] || python tools/data/mini_kitchens/generate_sound.py "$@"; }
score() { # CONFIG CHECKPOINT RUN
    [ -f "$3/predictions.pkl" ] || python tools/test.py "$1" "$2" --work-dir "$3" --dump "$3/predictions.pkl"
}
make data/mini_sound
for kind in sound motion; do
    make "data/mini_sound_shuffled_$kind" --shuffle "$kind" --train-videos 1 # only tested
done
for seed in $(seq 0 $((${1:-3} - 1))); do
    for name in $CA2ST ca2st_mini_cast ca2st_mini_cava ca2st_mini_audio-only; do
        run=$WORK/${name}_seed$seed
        echo "$run"
        [ -f "$run/epoch_10.pth" ] || python tools/train.py "$CONFIGS/$name.py" --seed "$seed" --work-dir "$run"
        score "$CONFIGS/$name.py" "$run/epoch_10.pth" "$run"
    done
    for kind in sound motion; do
        name=ca2st_mini_shuffled-$kind
        score "$CONFIGS/$name.py" "$WORK/${CA2ST}_seed$seed/epoch_10.pth" "$WORK/${name}_seed$seed"
    done
done
python tools/analysis/pair_accuracy.py $WORK --classes data/mini_sound/EPIC_100_verb_classes.csv --plot $WORK/groups.png
