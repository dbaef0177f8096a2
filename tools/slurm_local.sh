#!/usr/bin/env bash
# [WORK=work_dirs/slurm_local] tools/slurm_local.sh start|run|stop: a Slurm of this one machine, without GPUs.
#   start  writes its configuration and starts munged, slurmctld and slurmd, unless they run already
#   run    trains the mini kitchens for two epochs with two tasks and tests them, through slurm_train.sh and
#          slurm_test.sh; the partition is called local
#   stop   cancels the jobs and stops the three daemons
# It needs Debian or Ubuntu, root, two CPUs, and apt-get install slurm-wlm munge; no systemd. Everything is
# written below WORK, so that a Slurm configured in /etc/slurm is left alone. For commands of your own, while
# it runs: export SLURM_CONF=WORK/slurm.conf
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=$(realpath -m "${WORK:-work_dirs/slurm_local}")
export SLURM_CONF=$WORK/slurm.conf PATH=$PATH:/usr/sbin

start() {
    if [ -f "$SLURM_CONF" ] && scontrol ping | grep -q UP; then
        return
    fi
    mkdir -p "$WORK/state" "$WORK/spool"
    chmod 755 "$WORK"
    [ -f "$WORK/munge.key" ] || (umask 077 && head -c 1024 /dev/urandom > "$WORK/munge.key")
    cat > "$SLURM_CONF" <<EOF
ClusterName=local
SlurmctldHost=$(hostname -s)
SlurmUser=root
AuthInfo=socket=$WORK/munge.socket
# not the usual ports, which another Slurm may have
SlurmctldPort=26817
SlurmdPort=26818
StateSaveLocation=$WORK/state
SlurmdSpoolDir=$WORK/spool
SlurmctldPidFile=$WORK/slurmctld.pid
SlurmdPidFile=$WORK/slurmd.pid
SlurmctldLogFile=$WORK/slurmctld.log
SlurmdLogFile=$WORK/slurmd.log
# works in a container too: processes are found in /proc, without cgroups
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
$(SLURM_CONF='' slurmd -C | head -n 1)
PartitionName=local Nodes=ALL Default=YES State=UP
EOF
    # --force: munged would refuse a folder that others may write to
    munged --force --socket="$WORK/munge.socket" --key-file="$WORK/munge.key" --pid-file="$WORK/munged.pid" \
        --log-file="$WORK/munged.log" --seed-file="$WORK/munged.seed" 2> /dev/null
    slurmctld
    slurmd
    for _ in $(seq 60); do
        if sinfo --noheader --format=%t 2> /dev/null | grep -qx idle; then
            return
        fi
        sleep 0.5
    done
    echo "error: the node is not idle after 30 seconds; see $WORK/slurmctld.log and $WORK/slurmd.log" >&2
    exit 1
}

run() {
    local config=configs/cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py
    [ -f data/mini_kitchens/EPIC_100_validation.csv ] || python tools/data/mini_kitchens/generate.py
    export GPUS=2 GPUS_PER_NODE=0 CPUS_PER_TASK=1 OMP_NUM_THREADS=1
    tools/slurm_train.sh local cast-train $config --seed 0 --work-dir "$WORK/run" \
        --cfg-options train_cfg.max_epochs=2
    tools/slurm_test.sh local cast-test $config "$WORK/run/epoch_2.pth" --work-dir "$WORK/run"
}

stop() {
    scancel --partition=local || true
    for daemon in slurmd slurmctld munged; do
        if [ -f "$WORK/$daemon.pid" ]; then
            kill "$(cat "$WORK/$daemon.pid")" || true
            while [ -f "$WORK/$daemon.pid" ] && kill -0 "$(cat "$WORK/$daemon.pid")" 2> /dev/null; do
                sleep 0.1
            done
        fi
    done
}

case "${1:-}" in
    start | run | stop) "$1" ;;
    *) echo "usage: tools/slurm_local.sh start|run|stop" >&2; exit 2 ;;
esac
