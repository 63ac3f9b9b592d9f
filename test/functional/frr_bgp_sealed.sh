#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The begin of frr_bgp.sh through two sealed engines.
export ENGINES=2 BGP_QUICK=1 VR_MORE='"isolation": "sealed"'
. "$(dirname "$0")/frr_bgp.sh"
