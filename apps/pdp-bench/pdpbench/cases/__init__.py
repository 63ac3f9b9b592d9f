# SPDX-License-Identifier: BSD-3-Clause
"""
The cases, one a file. Each module has NAME, ABOUT (one line), DEFAULT_S (about how long it takes) and
run(session) -> {"rows": [dict, ...], "figures": {name: number}}.
"""
from . import hop

ALL = {module.NAME: module for module in (hop,)}
