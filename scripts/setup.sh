#!/bin/sh
# Sets up .venv from requirements.lock: hashes checked, nothing unlocked fetched, no compiler needed.
# It does nothing when the lock, pyproject.toml and this script are as they were.  Called by make.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/.ok
want=$(cat requirements.lock pyproject.toml scripts/setup.sh | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && [ -x .venv/bin/oakum ]; then exit 0; fi

fail() { printf 'oakum set-up: %s\n' "$1" >&2; exit 1; }

python=${PYTHON:-python3}
command -v "$python" >/dev/null 2>&1 || fail "$python is not installed. Remedy: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" -V 2>&1) is too old, 3.11 or newer is needed. Remedy: PYTHON=/path/to/python3.11 make run"

echo "oakum set-up: making .venv (once, about 15 s) ..." >&2
if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --allow-existing --python "$python" .venv || fail "uv could not make .venv; see above."
  uv=uv
else
  "$python" -c 'import ensurepip' 2>/dev/null ||
    fail "this Python has no ensurepip. Remedy: apt-get install python3-venv (or install uv)"
  [ -x .venv/bin/python ] || "$python" -m venv .venv || fail "python could not make .venv; see above."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null || true
  uv=.venv/bin/uv
fi

# Wheels only: a missing compiler can then never be the reason for a failure.
if command -v "$uv" >/dev/null 2>&1; then
  "$uv" pip install --quiet --python .venv/bin/python --require-hashes --only-binary :all: -r requirements.lock ||
    fail "the locked packages could not be installed. Remedy: check the network or proxy, then run make setup again."
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e . ||
    fail "oakum itself could not be installed; see above."
else
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r requirements.lock ||
    fail "the locked packages could not be installed. Remedy: check the network or proxy, then run make setup again."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ||
    fail "oakum itself could not be installed; see above."
fi
printf '%s' "$want" > "$stamp"
