#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# ip_router.sh with sealed engines, which see the first 128 bytes of a packet.
export ISOLATION=sealed
. "$(dirname "$0")/ip_router.sh"
