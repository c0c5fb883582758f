#!/bin/bash
# A search on several nodes of a Slurm cluster:
#
#     sbatch slurm_ray.sh RECIPE [RUN]      RECIPE: a .yaml file or a shipped recipe; RUN: its folder
#
# Submit it in the folder of the recipe, on a file system that the nodes share, where `sugata` and `ray` are on
# the PATH (activate the environment first; sbatch passes it on). A job that is requeued, preempted, out of time
# or submitted again goes on where it was left. Nodes may fail, except the first: its trials run again elsewhere.
#
#SBATCH --job-name=sugata
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --no-kill
#SBATCH --signal=B:TERM@120
# For trials on GPUs also: --gpus-per-node=4, and engine.gpus: 1 in the recipe.

set -euo pipefail
recipe=${1:-tiny}
run=${2:-runs/$(basename "$recipe" .yaml)}

export RAY_USAGE_STATS_ENABLED=0
export RAY_AUTH_MODE=token # others who reach these machines shall not run code on them
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_TOKEN
ip=$(hostname --ip-address | awk '{print $1}') # this script runs on the first node
port=$((20000 + SLURM_JOB_ID % 10000))
export RAY_ADDRESS="$ip:$port" # what `--address auto` finds
node=(--num-cpus="${SLURM_CPUS_PER_TASK:-1}" --num-gpus="${SLURM_GPUS_ON_NODE:-0}"
    --object-store-memory=1000000000 --disable-usage-stats --block)

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT # the cluster ends with the search

# The head here, and a node of the cluster on each other machine. They join when they are ready.
ray start --head --node-ip-address="$ip" --port="$port" --include-dashboard=false "${node[@]}" &
others=$((SLURM_JOB_NUM_NODES - 1))
for _ in {1..120}; do
    (exec 3<>"/dev/tcp/$ip/$port") 2>/dev/null && break
    sleep 1
done
if ((others > 0)); then
    srun --nodes="$others" --ntasks="$others" --exclude="$SLURMD_NODENAME" --kill-on-bad-exit=0 \
        ray start --address="$RAY_ADDRESS" "${node[@]}" &
fi

if [[ -e $run/journal.jsonl ]]; then
    sugata resume "$run" --engine ray --address auto &
else
    sugata search "$recipe" --run-dir "$run" --engine ray --address auto &
fi
search=$!

# Two minutes before the time is up: end the search as Ctrl-C does, and queue the job again.
trap 'kill -TERM "$search"; wait "$search" || true; scontrol requeue "$SLURM_JOB_ID"' TERM
wait "$search"
