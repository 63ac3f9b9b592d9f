#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# pdp-bench from the build folder: names its cases, and refuses what it does not know in a sentence.
set -euo pipefail

bench=$PDP_BUILD/apps/pdp-bench/pdp-bench

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# refused CODE WORDS ARGUMENTS...: ends with that code, saying that.
refused() {
	local code=$1 words=$2 rc=0 said
	shift 2
	said=$("$bench" "$@" 2>&1 >/dev/null) || rc=$?
	[ "$rc" -eq "$code" ] || fail "pdp-bench $* ends with $rc, not $code: $said"
	grep -qF -- "$words" <<<"$said" || fail "pdp-bench $* does not say \"$words\": $said"
}

listed=$("$bench" list)
for file in "$PDP_SOURCE"/apps/pdp-bench/pdpbench/cases/[a-z]*.py; do
	name=$(sed -n 's/^NAME = "\(.*\)"/\1/p' "$file")
	grep -q "^$name " <<<"$listed" || fail "$file: case \"$name\" is not listed: $listed"
	grep -q "^.It Cm $name" "$PDP_SOURCE/apps/pdp-bench/pdp-bench.1" || fail "pdp-bench.1 does not tell of $name"
done

refused 2 "no case is called nonsense; there are: hop" run nonsense
refused 2 "--runs is 1 to 100" run hop --runs 0
refused 2 "--duration is 0.05 to 60" run hop --duration 0
refused 2 "CASE" run
refused 1 "ninja -C build" run hop --build /nonexistent
echo "cases are listed, mistakes refused"
