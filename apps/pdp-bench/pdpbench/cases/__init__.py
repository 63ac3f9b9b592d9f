# SPDX-License-Identifier: BSD-3-Clause
"""
The cases, one a file. Each module has NAME, ABOUT (one line) and
run(session) -> {"rows": [dict, ...], "figures": {name: number}}.
"""
from . import europa_fig8, hop, lvrm_1c, lvrm_1d, lvrm_1e, lvrm_2a, lvrm_2b, lvrm_3a, memory, pdp_tab1

ALL = {module.NAME: module for module in (hop, lvrm_1c, lvrm_1d, lvrm_1e, lvrm_2a, lvrm_2b, lvrm_3a, pdp_tab1,
                                          europa_fig8, memory)}
