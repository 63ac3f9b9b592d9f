#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# config/bgp-lab/run does what it says.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
lab_test bgp-lab 'of [0-9]* packets [0-9]* were lost'
