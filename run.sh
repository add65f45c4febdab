#!/usr/bin/env bash
# ./run.sh                  opens the window
# ./run.sh demo             trains a small LoRA on the embedded model and shows before and after
# ./run.sh test [--quick|--full] [options of pytest]
# ./run.sh dataset VERB FOLDER ...   edits captions, tags pictures, finds duplicates: python -m dataset_tools VERB ...
# ./run.sh VERB ...         train, check, generate, inspect, cache, doctor, fetch: the same as python -m kohya_like VERB ...
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
python="$root/.venv/bin/python"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"

# Sets up unless the named locks are installed as they stand. Words go to stderr: stdout belongs to the verb.
ensure() { # options of setup.sh -- locks
  local options=()
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  for lock in "${@:2}"; do
    if ! cmp -s "$root/$lock" "$root/.venv/installed/$lock"; then
      "$root/setup.sh" "${options[@]}" >&2
      return
    fi
  done
}

case ${1:-window} in
  window)
    ensure --window -- requirements-torch.lock requirements.lock
    exec "$python" -P -m gui "${@:2}"
    ;;
  test)
    shift
    which="not full"
    case ${1:-} in
      --quick) which="quick and not full" && shift ;;
      --full) which="" && shift ;;
    esac
    ensure --test -- requirements-torch.lock requirements.lock requirements-test.lock
    cd "$root"
    export OMP_NUM_THREADS=1 # two processes, one core each
    exec "$python" -m pytest -n 2 --dist worksteal -m "$which" "$@"
    ;;
  dataset)
    ensure -- requirements-torch.lock requirements.lock
    exec "$python" -P -m dataset_tools "${@:2}"
    ;;
  *)
    ensure -- requirements-torch.lock requirements.lock
    exec "$python" -P -m kohya_like "$@"
    ;;
esac
