-- SPDX-License-Identifier: BSD-3-Clause
-- What the scripts share: a measurement through the node (in at pktgen's port 0, back at its port 1), and the results
-- as CSV. Written for pktgen-dpdk 23.03, headless. Nothing is set but what a script sweeps: the rest are pktgen's defaults.
--
-- Environment: PKTGEN_SECONDS of each step (5), PKTGEN_RESULT file that appears when all is done (standard output).

local M = {}

local SETTLE_MS = 2000 -- pktgen brings its counters up to date once a second

M.seconds = tonumber(os.getenv("PKTGEN_SECONDS")) or 5

local path = os.getenv("PKTGEN_RESULT")
local out = path and assert(io.open(path .. ".part", "w")) or io.stdout

-- One line of the result.
function M.row(...)
	out:write(table.concat({...}, ","), "\n")
	out:flush()
end

function M.begin(...)
	pktgen.screen("off")
	pktgen.stop("all")
	M.row(...)
end

-- Ends pktgen, with the result complete.
function M.done()
	pktgen.stop("all")
	if path then
		out:close()
		assert(os.rename(path .. ".part", path))
	end
	pktgen.quit()
end

-- Sends from port 0 for M.seconds. Returns packets sent, packets that came back at port 1, and what `during` returned,
-- which is called at the end, while traffic still flows.
function M.measure(during)
	local extra
	pktgen.clr()
	pktgen.delay(SETTLE_MS)
	pktgen.start("0")
	pktgen.delay(M.seconds * 1000)
	if during then
		extra = during()
	end
	pktgen.stop("0")
	pktgen.delay(SETTLE_MS)
	local sent = pktgen.portStats("0", "port")[0].opackets
	local received = pktgen.portStats("1", "port")[1].ipackets
	return sent, received, extra
end

-- The row of a measurement: what was swept, then sent, received, lost in percent, received a second in millions.
function M.report(swept, sent, received)
	local lost = sent > 0 and (sent - received) / sent * 100 or 0
	M.row(swept, sent, received, string.format("%.4f", lost), string.format("%.3f", received / M.seconds / 1e6))
end

return M
