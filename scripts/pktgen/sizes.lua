-- SPDX-License-Identifier: BSD-3-Clause
-- The frame sizes of RFC 2544 at full rate; a size counts the FCS, as pktgen and the RFC do.
-- usage: scripts/pktgen/generator -f scripts/pktgen/sizes.lua

local common = dofile((os.getenv("PDP_PKTGEN") or "scripts/pktgen") .. "/common.lua")

common.begin("size", "sent", "received", "lost_pct", "received_mpps")
pktgen.set("0", "rate", 100)
for _, size in ipairs({64, 128, 256, 512, 1024, 1280, 1518}) do
	pktgen.set("0", "size", size)
	common.report(size, common.measure())
end
common.done()
