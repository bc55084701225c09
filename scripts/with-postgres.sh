#!/bin/sh
# Runs a command with OAKUM_TEST_DATABASE_URL naming a throw-away PostgreSQL cluster, and removes the cluster after.
# Without PostgreSQL it says so and succeeds (REQUIRE_POSTGRES=1: fails), so that `make test` needs no server.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")
if [ ! -x "$bin/initdb" ] || [ ! -x "$bin/postgres" ]; then
  echo "PostgreSQL: skipped, no initdb and postgres here. Remedy: make deps-lab (Debian package postgresql)." >&2
  [ -z "${REQUIRE_POSTGRES:-}" ] && exit 0 || exit 1
fi
dir=$(mktemp -d /tmp/oakum-pg.XXXXXX)
as=""
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL refuses to run as root; its package made this user.
  chown postgres "$dir"; as="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
stop() { $as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"; }
trap stop EXIT
trap 'exit 130' INT TERM
cd "$dir"
$as "$bin/initdb" -D "$dir/data" -A trust -U oakum --no-sync -E UTF8 --locale=C >/dev/null
$as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" \
  -o "-c listen_addresses='' -k $dir -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=200" \
  start >/dev/null
cd "$OLDPWD"
OAKUM_TEST_DATABASE_URL="postgresql://oakum@/postgres?host=$dir" "$@"
