#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes configure from configure.ac; needed once after a checkout and after a change to a build file.
set -e
cd "$(dirname "$0")"
mkdir -p m4 build-aux
exec autoreconf --install --force --warnings=all,no-portability
