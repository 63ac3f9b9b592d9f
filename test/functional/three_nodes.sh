#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# config/three-nodes/run does what it says: two VRs with the same addresses over three nodes, one of which is killed.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
lab_test three-nodes 'VR red: of [0-9]* packets' 'VR blue: of [0-9]* packets' 'every packet of n1 and n3 is accounted for'
