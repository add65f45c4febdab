#!/usr/bin/env bash
# Opens the window; sets everything up first where that is needed.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/run.sh" window "$@"
