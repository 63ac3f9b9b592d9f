# SPDX-License-Identifier: BSD-3-Clause
"""
The cases, one a file. Each module has NAME, ABOUT (one line) and
run(session) -> {"rows": [dict, ...], "figures": {name: number}}.
"""
from . import (
    boundary,
    cost,
    europa_fig8,
    fib,
    hop,
    lvrm_1c,
    lvrm_1d,
    lvrm_1e,
    lvrm_2a,
    lvrm_2b,
    lvrm_2c,
    lvrm_2d,
    lvrm_3a,
    lvrm_3b,
    memory,
    one_cpu,
    pdp_fig13,
    pdp_tab1,
    pdp_tab2,
    scale,
    sim_slice,
)

ALL = {module.NAME: module for module in (
    hop,
    lvrm_1c,
    lvrm_1d,
    lvrm_1e,
    lvrm_2a,
    lvrm_2b,
    lvrm_2c,
    lvrm_2d,
    lvrm_3a,
    lvrm_3b,
    pdp_tab1,
    pdp_tab2,
    pdp_fig13,
    europa_fig8,
    scale,
    boundary,
    one_cpu,
    cost,
    memory,
    sim_slice,
    fib,
)}
