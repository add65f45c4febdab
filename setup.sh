#!/usr/bin/env bash
# Makes .venv beside this file and installs the locked packages into it. Run it again whenever you like: what is there
# already is kept, what an update changed is changed, what was interrupted goes on.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
venv="$root/.venv"
record="$venv/installed" # copies of the locks as they were installed, written last; run.sh compares

usage() {
  cat <<'END'
./setup.sh [--torch BUILD] [--test] [--window]

  --torch BUILD  which build of PyTorch:
                   auto   by what this machine has (the default)
                   cuda   for NVIDIA cards; for cards before the RTX 20 series and older drivers, CUDA 12.6
                   cpu    without a graphics card
                   rocm   for AMD cards
                   plain  what your pip index offers under that version
                   URL    an index of your own, or a mirror's: https://...
  --test         also what the tests need
  --window       stop if a system library of the window is missing (otherwise a warning)

PYTHON=/usr/bin/python3.12 chooses the Python (3.11 to 3.13). pip's own variables are honoured, so a mirror is
  PIP_INDEX_URL=https://pypi.tuna.tsinghua.edu.cn/simple ./setup.sh
END
}

say() { printf '%s\n' "$@"; }
die() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

is_right_python() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
  local candidate candidates=(python3 python3.12 python3.11 python3.13)
  if [[ -n ${PYTHON:-} ]]; then candidates=("$PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    if is_right_python "$candidate"; then
      say "$candidate"
      return
    fi
  done
  local seen name=python3.12 other
  seen=$("${PYTHON:-python3}" --version 2>&1 | head -n 1 || true)
  for other in python3.12 python3.11 python3.13; do
    if apt-cache show "$other" >/dev/null 2>&1; then
      name=$other
      break
    fi
  done
  die "Python 3.11, 3.12 or 3.13 is needed; ${PYTHON:-python3} answers: ${seen:-nothing}." \
    "On Ubuntu and Debian: sudo apt install $name $name-venv" \
    "(if apt does not know it: sudo add-apt-repository ppa:deadsnakes/ppa, then again)" \
    "Or name one that you have: PYTHON=/path/to/$name ./setup.sh"
}

make_venv() {
  if [[ -x $venv/bin/python ]] && is_right_python "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    return
  fi
  local python version
  python=$(find_python)
  version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  "$python" -c 'import ensurepip, venv' 2>/dev/null || die "this Python lacks the venv module: sudo apt install $version-venv"
  say "Making $venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
}

reachable() {
  "$venv/bin/python" - "$1" <<'END'
import sys, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=8).close()
except OSError:
    sys.exit(1)
END
}

# PyPI's Linux build of torch 2.13 is CUDA 13.0: driver 580 or later, compute capability 7.5 or later.
needs_older_cuda() {
  nvidia-smi --query-gpu=driver_version,compute_cap --format=csv,noheader 2>/dev/null |
    awk -F'[., ]+' '$1 + 0 < 580 || $(NF - 1) * 10 + $NF < 75 { old = 1 } END { exit !old }'
}

torch_index() { # choice -> the index URL, or nothing for pip's own
  local pytorch=https://download.pytorch.org/whl
  case $1 in
    plain) ;;
    cpu) say "$pytorch/cpu" ;;
    rocm) say "$pytorch/rocm7.2" ;;
    cuda) if needs_older_cuda; then say "$pytorch/cu126"; fi ;;
    https://*) say "$1" ;;
    auto)
      if [[ $(uname -s) != Linux ]]; then
        return
      elif nvidia-smi >/dev/null 2>&1; then
        torch_index cuda
      elif reachable "$pytorch/cpu/torch/"; then
        say "$pytorch/cpu"
      fi
      ;;
    *) die "--torch $1: choose auto, cuda, cpu, rocm, plain or an https:// address" ;;
  esac
}

# Sets `where` to pip's options for an index or, as some mirrors have it, a plain page of links.
locate_torch() {
  where=()
  if [[ -z $1 ]]; then
    return
  elif reachable "${1%/}/torch/"; then
    where=(--extra-index-url "$1") # wins: 2.13.0+cpu sorts above the 2.13.0 of pip's own index
  elif reachable "${1%/}/"; then
    where=(--find-links "$1")
  else
    die "$1 does not answer." "Name a mirror of it (./setup.sh --torch https://...), or take your pip index's build: ./setup.sh --torch plain"
  fi
}

check_window_libraries() {
  local missing
  missing=$("$venv/bin/python" -I "$root/kohya_like/qt_libraries.py" | paste -sd ' ' -)
  if [[ -z $missing ]]; then
    return
  elif [[ -n $window && -z ${QT_QPA_PLATFORM:-}${WAYLAND_DISPLAY:-} ]]; then
    die "The window needs system libraries that are not here: sudo apt install $missing"
  fi
  say "The window will need: sudo apt install $missing  (training in the terminal does not)"
}

announce() { # index URL of torch
  local own size=about\ 0.2 gigabytes=1 free
  own=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || say https://pypi.org/simple)}
  own=${own/\/\/*@/\/\/} # without a password
  say "To download, where pip has it not in its cache:"
  if [[ -n $new_torch ]]; then
    gigabytes=3
    if [[ $1 != */cpu ]]; then size="up to 3" gigabytes=9; fi
    say "  $torch from ${1:-$own}: $size GB"
  fi
  if ! is_recorded requirements.lock; then say "  $(count requirements.lock) packages from $own: about 0.2 GB, sha256 checked"; fi
  if [[ -n $test ]]; then say "  $(count requirements-test.lock) packages for the tests: about 30 MB, sha256 checked"; fi
  free=$(df -Pk "$venv" | awk 'NR == 2 { print int($4 / 1048576) }')
  if ((free < gigabytes)); then say "Only $free GB are free on this disk; $gigabytes GB may be needed." >&2; fi
}

pip_install() {
  local quiet=()
  [[ -t 1 ]] || quiet=(--quiet)
  "$venv/bin/python" -I -m pip --disable-pip-version-check --no-input install --no-user "${quiet[@]}" "$@" ||
    die "The installation stopped. What was downloaded is kept, ./setup.sh goes on from there." \
      "Behind a slow line name a mirror: PIP_INDEX_URL=https://pypi.tuna.tsinghua.edu.cn/simple ./setup.sh"
}

count() { grep -c '^[a-z]' "$root/$1"; }
is_recorded() { cmp -s "$root/$1" "$record/$1"; }

install_locked() {
  mkdir -p "$record"
  if [[ -n $new_torch ]]; then
    rm -f "$record"/*
    printf '%s\n' "$build" >"$record/torch-build"
    # every build has the same version number, so pip alone would keep the one that is there
    pip_install --no-deps --force-reinstall "${where[@]}" "$torch"
  fi
  pip_install --no-deps --require-hashes --only-binary :all: -r "$root/requirements.lock"
  if [[ -n $new_torch ]]; then
    pip_install "${where[@]}" "$torch" # only what this build itself names is still missing: CUDA libraries, or nothing
  fi
  cp "$root/requirements-torch.lock" "$root/requirements.lock" "$record/"
  if [[ -n $test ]]; then
    pip_install --no-deps --require-hashes --only-binary :all: -r "$root/requirements-test.lock"
    cp "$root/requirements-test.lock" "$record/"
  fi
}

test='' window='' chosen=''
while (($#)); do
  case $1 in
    --test) test=yes ;;
    --window) window=yes ;;
    --torch)
      (($# > 1)) || die "--torch wants a build: auto, cuda, cpu, rocm, plain or an https:// address"
      chosen=$2
      shift
      ;;
    -h | --help)
      usage
      exit
      ;;
    *)
      say "setup: what is $1?" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done
torch=$(grep -v '^#' "$root/requirements-torch.lock")

exec 9<"$root/setup.sh" # two at once would write into each other's files
if command -v flock >/dev/null && ! flock -n 9; then
  say "Another setup is at work here; waiting for it."
  flock 9
fi

make_venv
check_window_libraries
new_torch=$chosen
if ! is_recorded requirements-torch.lock; then new_torch=yes; fi
if [[ -z $new_torch ]] && is_recorded requirements.lock && { [[ -z $test ]] || is_recorded requirements-test.lock; }; then
  say "Everything is installed."
  exit
fi
build=${chosen:-$(cat "$record/torch-build" 2>/dev/null || say auto)}
index=""
if [[ -n $new_torch ]]; then index=$(torch_index "$build"); fi
locate_torch "$index"
announce "$index"
install_locked
say "Ready. ./run.sh opens the window; ./run.sh demo trains a first LoRA in the terminal."
