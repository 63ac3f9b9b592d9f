#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/lint finds what it is there for: a tree with one fault of each kind, and the same tree without them.
set -euo pipefail

PDP_SOURCE=${PDP_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
spdx='/* SPDX-License-Identifier: BSD-3-Clause */'

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

make_clean_tree() {
	mkdir -p "$tree/scripts" "$tree/lib/vr" "$tree/lib/vif" "$tree/apps/pdp-engine" "$tree/drivers/vr/relay"
	cp "$PDP_SOURCE/scripts/lint" "$tree/scripts/"
	cp "$PDP_SOURCE/.clang-format" "$tree/"
	printf '%s\n' "# SPDX-License-Identifier: BSD-3-Clause" "project('t', 'c')" \
		"executable('t', 'lib/vr/good.c')" >"$tree/meson.build"
	printf '%s\n' "$spdx" '/* exit( and rte_free( in a comment are no calls. */' \
		'const char *pdp_text = "sprintf(";' >"$tree/lib/vr/good.c"
	printf '%s\n' "$spdx" '#include <stdint.h>' 'uint8_t pdp_good(void);' >"$tree/lib/vif/pdp_good.h"
}

expect() {
	grep -qF "$1" <<<"$output" || fail "lint does not say \"$1\"; it says:
$output"
}

make_clean_tree
output=$("$tree/scripts/lint" "$tree/build" 2>&1) || fail "the clean tree is not clean: $output"

echo x >"$tree/stray.txt"
printf '%s\n' "$spdx" 'int f(void) { rte_free(0); }' >"$tree/lib/vr/calls.c"
printf '%s\n' "$spdx" '#include "pdp_config.h"' 'void' 'g(char *t)' '{' '	strcpy(t, "x");' '	printf("x");' \
	'	exit(1);' '	fork();' '}' >"$tree/lib/vif/calls.c"
printf '%s\n' "$spdx" 'void' 'h(void)' '{' '	rte_eal_cleanup();' '}' >"$tree/apps/pdp-engine/main.c"
mkdir "$tree/lib/config"
printf '%s\n' '#include <stdint.h>' 'uint8_t pdp_x(void);' >"$tree/lib/config/pdp_config.h"
printf '%s\n' "$spdx" 'uint8_t pdp_alone(void);' '/* TO''DO */' >"$tree/lib/vr/pdp_alone.h"
{ echo "$spdx"; printf 'extern int pdp_many%d;\n' {1..800}; } >"$tree/drivers/vr/relay/long.c"
# shellcheck disable=SC2016 # not to be expanded
printf '%s\n' '#!/bin/sh' '# SPDX-License-Identifier: BSD-3-Clause' 'echo $1' >"$tree/scripts/quote.sh"
printf '%s\n' '#!/usr/bin/env python3' '# SPDX-License-Identifier: BSD-3-Clause' 'print(' >"$tree/scripts/broken.py"
printf '%s' '{"a": 1,}' >"$tree/lib/broken.json"

if output=$("$tree/scripts/lint" "$tree/build" 2>&1); then
	fail "lint finds nothing in a tree full of faults"
fi
expect "stray.txt: does not belong at the top level"
expect "lib/vr/calls.c:2: rte_free: no DPDK"
expect "lib/vr/calls.c:2: format differs"
expect "lib/vif/calls.c:2: pdp_config.h is of a higher floor"
expect "lib/vif/calls.c:6: strcpy: no bound"
expect "lib/vif/calls.c:7: printf: libraries log"
expect "lib/vif/calls.c:8: exit: only apps"
expect "lib/vif/calls.c:9: fork: copy-on-write"
expect "apps/pdp-engine/main.c:5: rte_eal_cleanup: in a secondary"
expect "lib/config/pdp_config.h:1: the SPDX line is missing"
expect "lib/vr/pdp_alone.h: does not compile alone (c)"
expect "lib/vr/pdp_alone.h:3: TO""DO: finish it"
expect "drivers/vr/relay/long.c: 801 lines"
expect "scripts/quote.sh:3:6: "
expect "scripts/quote.sh: has a #! line but may not be executed"
expect "scripts/broken.py:3: "
expect "lib/broken.json:1: no newline"
expect "lib/broken.json: Expecting"
echo "lint finds each of its faults"
