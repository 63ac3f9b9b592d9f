-- SPDX-License-Identifier: BSD-3-Clause
-- Latency through the node at a few rates (percent of the link), in frames with room for pktgen's time stamp. pktgen
-- stamps some of the packets, and both its ports' threads share its clock.
-- usage: scripts/pktgen/generator -f scripts/pktgen/latency.lua

local common = dofile((os.getenv("PDP_PKTGEN") or "scripts/pktgen") .. "/common.lua")

-- In a table of its own; older pktgens have plain fields, and no count.
local function latency()
	local stats = pktgen.pktStats("1")[1]
	local l = stats.latency
	if l then
		return {l.num_pkts, l.min_us, l.avg_us, l.max_us}
	end
	return {0, stats.min_avg_latency or 0, stats.avg_latency or 0, stats.max_avg_latency or 0}
end

common.begin("rate_pct", "sent", "received", "stamped", "min_us", "avg_us", "max_us")
pktgen.set("0", "size", 128)
pktgen.latency("all", "enable")
for _, rate in ipairs({1, 5, 10, 25, 50}) do
	pktgen.set("0", "rate", rate)
	local sent, received, l = common.measure(latency)
	common.row(rate, sent, received, l[1], string.format("%.2f,%.2f,%.2f", l[2], l[3], l[4]))
end
pktgen.latency("all", "disable")
common.done()
