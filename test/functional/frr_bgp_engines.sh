#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The begin of frr_bgp.sh through three engines.
export ENGINES=3 BGP_QUICK=1
. "$(dirname "$0")/frr_bgp.sh"
