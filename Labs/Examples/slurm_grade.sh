#!/usr/bin/env bash
#SBATCH --job-name=triad-grade
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=00:10:00
# Grades a class with Slurm: one array task a submission, then one merge. From Triad's repository:
#
#     export LAB=Lab01 SUBMISSIONS=$PWD/class RESULTS=$PWD/grades
#     count=$(find "$SUBMISSIONS" -mindepth 1 -maxdepth 1 -type d ! -name '.*' | wc -l)
#     job=$(sbatch --parsable --array=1-"$count" Labs/Examples/slurm_grade.sh)
#     sbatch --dependency=afterany:"$job" --time=00:30:00 Labs/Examples/slurm_grade.sh merge
#
# SUBMISSIONS, RESULTS and the repository must be on a file system that all nodes share; SEEDS=student gives each student a seed of
# their own, by the folder's name. A submission that is graded already is not graded again, so the same
# commands go on after a failure. What submissions share is built once a node.
set -euo pipefail
: "${LAB:?}" "${SUBMISSIONS:?}" "${RESULTS:?}"
cd "${SLURM_SUBMIT_DIR:-.}"
triad=${TRIAD:-.build/release/triad}
work=${WORK:-${TMPDIR:-/tmp}/triad-grading-${USER:-$UID}}
mkdir -p "$work" "$RESULTS/reports"

# Tasks on one node wait for each other here.
exec 9>"$work/lock"
flock 9
"$triad" grade "$LAB" --work "$work" --prepare
flock -u 9

if [ "${1:-}" = merge ]; then
  seeds=()
  [ "${SEEDS:-same}" != student ] || seeds=(--seeds student)
  exec "$triad" grade "$LAB" --work "$work" --submissions "$SUBMISSIONS" "${seeds[@]}" -o "$RESULTS" --format "${FORMAT:-text}"
fi

name=$(find "$SUBMISSIONS" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%f\n' | LC_ALL=C sort | sed -n "${SLURM_ARRAY_TASK_ID:?}p")
[ -n "$name" ] || { echo "there is no submission number $SLURM_ARRAY_TASK_ID" >&2; exit 1; }
report=$RESULTS/reports/$name.json
[ ! -e "$report" ] || exit 0
seed=(--seed 1)
[ "${SEEDS:-same}" != student ] || seed=(--student "$name")
status=0
"$triad" grade "$LAB" --work "$work" --submission "$SUBMISSIONS/$name" "${seed[@]}" --format json -o "$report" || status=$?
# 1 means that points are missing, which is no error.
[ "$status" -le 1 ]
