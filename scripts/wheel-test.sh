#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment, starts it there and fetches the agent from it.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(pwd)
dir=$(mktemp -d /tmp/oakum-wheel.XXXXXX)
pid=""
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi; rm -rf "$dir"' EXIT
"$root/.venv/bin/python" -m hatchling build -t wheel -d "$dir" >/dev/null 2>&1
uv=$(command -v uv || echo "$root/.venv/bin/uv")
"$uv" venv --quiet --python "$root/.venv/bin/python" "$dir/env"
"$uv" pip install --quiet --python "$dir/env/bin/python" --require-hashes --only-binary :all: -r "$root/requirements.lock"
"$uv" pip install --quiet --python "$dir/env/bin/python" --no-deps "$dir"/oakum-*.whl
port=$("$dir/env/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$dir"
OAKUM_DATA_DIR="$dir/data" OAKUM_LISTEN="127.0.0.1:$port" "$dir/env/bin/oakum" up --no-local-agent >"$dir/log" 2>&1 &
pid=$!
for _ in $(seq 300); do
  if grep -q 'Oakum is ready' "$dir/log"; then break; fi
  kill -0 "$pid" 2>/dev/null || { cat "$dir/log"; exit 1; }
  sleep 0.1
done
"$dir/env/bin/python" - "$port" <<'PY'
import io, sys, urllib.request, zipfile
body = urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/agent/v1/oakum-agent.pyz", timeout=10).read()
names = zipfile.ZipFile(io.BytesIO(body)).namelist()
assert any(name.startswith("oakum/agent/") for name in names), names
open("agent.pyz", "wb").write(body)
PY
"$dir/env/bin/python" -I agent.pyz --help >/dev/null
echo "wheel: serves an agent of $(stat -c %s agent.pyz) bytes from an empty environment"
