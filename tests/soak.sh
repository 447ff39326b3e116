#!/bin/sh
# The long proofs at their full counts. Usage: soak.sh BIN LOG
set -u
bin=$1
log=$2
{
    echo "# $(date -u +%Y-%m-%dT%H:%MZ), $(uname -sm), $(getconf _NPROCESSORS_ONLN) cores, $("$bin/python" -V)"
    echo "# commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
} >"$log"
status=$(mktemp)
{
    SHELDUCK_SOAK=1 "$bin/python" -m pytest -m soak -v --no-header -n auto -p no:cacheprovider --timeout=3600 --durations=25 2>&1
    echo $? >"$status"
} | tee -a "$log"
code=$(cat "$status")
rm -f "$status"
exit "$code"
