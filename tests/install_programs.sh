#!/bin/sh
# Installs the Debian programs that the tests use. Without root or apt it does nothing: those tests are skipped by name.
missing=
command -v sipp >/dev/null 2>&1 || missing="$missing sip-tester"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "not installed (no root or no apt):$missing; the tests that need them are skipped" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
    echo "could not be installed:$missing" >&2
exit 0
