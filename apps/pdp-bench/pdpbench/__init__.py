# SPDX-License-Identifier: BSD-3-Clause
"""pdp-bench: see main.py. Python's standard library only; one process, one thread."""


class Trouble(Exception):
    """Why a case, or all of it, cannot run: one sentence with the remedy."""
