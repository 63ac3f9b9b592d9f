-- SPDX-License-Identifier: BSD-3-Clause
-- Ten rates, in percent of the link (virtio_user says 10 Gbit/s), with pktgen's default 64-byte frames.
-- usage: scripts/pktgen/generator -f scripts/pktgen/rates.lua

local common = dofile((os.getenv("PDP_PKTGEN") or "scripts/pktgen") .. "/common.lua")

common.begin("rate_pct", "sent", "received", "lost_pct", "received_mpps")
for rate = 10, 100, 10 do
	pktgen.set("0", "rate", rate)
	common.report(rate, common.measure())
end
common.done()
