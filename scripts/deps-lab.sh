#!/bin/sh
# Installs what `make test` and `make test-lab` skip without: PostgreSQL, Chromium, and the lab's tools (Debian, Ubuntu).
# It only installs.  Servers are started by the tests themselves, afterwards: an install can upgrade a running server.
set -eu
[ "$(id -u)" = 0 ] || { echo "make deps-lab needs root: it runs apt-get. Remedy: sudo make deps-lab" >&2; exit 1; }
command -v apt-get >/dev/null || { echo "make deps-lab knows apt-get only; install by hand what scripts/deps-lab.sh lists." >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# No cluster is made or started by the package: tests make their own in a directory of their own.
apt-get -qq install -y --no-install-recommends postgresql-common >/dev/null
sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf 2>/dev/null || true
apt-get -qq install -y --no-install-recommends \
  postgresql chromium fonts-dejavu-core \
  mmdebstrap debian-archive-keyring systemd-container openssh-server openssh-client iproute2 apt-utils dpkg-dev gpg procps util-linux \
  python3-venv ca-certificates curl \
  python3-apt python3-rpm pacman-package-manager >/dev/null  # the last three: judges of version orders in tests/core
# The languages' own judges of version orders and ranges; Maven's are asked by a program, which takes the compiler.
apt-get -qq install -y --no-install-recommends \
  ruby php-cli php-composer-semver default-jdk-headless libmaven3-core-java >/dev/null
echo "deps-lab: installed."
