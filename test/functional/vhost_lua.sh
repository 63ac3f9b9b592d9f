#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The Lua scripts for pktgen-dpdk run in Debian's Lua against a stand-in of pktgen's API: they call only what that has,
# with as many arguments and of the types it takes, start and stop in pairs, and write a complete result. pktgen itself
# runs them in vhost_survives where there is one.
. "$(dirname "$0")/lib.sh" || exit 1
command -v lua5.3 >/dev/null || skip "lua5.3 is not installed"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# Port 0 sends a million packets a second at rate 100, port 1 receives nine of ten.
cat >"$WORK/stub.lua" <<'LUA'
local rate, sending, ms, quit, latency = 100, false, 0, false, false
local function types(...)
	local wanted = {...}
	return function(name, n, ...)
		assert(n == #wanted, name .. " takes " .. #wanted .. " arguments, not " .. n)
		for i, value in ipairs({...}) do
			assert(type(value) == wanted[i], name .. ": argument " .. i .. " is a " .. type(value))
		end
	end
end
local calls = {
	screen = types("string"), stop = types("string"), start = types("string"), clr = types(), delay = types("number"),
	set = types("string", "string", "number"), latency = types("string", "string"), quit = types(),
	portStats = types("string", "string"), pktStats = types("string"),
}
local settable = {rate = 100, size = 1518}
local acts = {
	stop = function() sending = false end,
	start = function() assert(not sending); sending = true end,
	clr = function() assert(not sending); ms = 0 end,
	delay = function(n) ms = ms + (sending and n or 0) end,
	quit = function() assert(not sending); quit = true end,
	latency = function(_, state) latency = state == "enable" end,
	set = function(_, what, value)
		assert(settable[what] and value >= 1 and value <= settable[what], what .. " cannot be " .. value)
		assert(not sending)
		rate = what == "rate" and value or rate
	end,
	portStats = function(_, kind)
		assert(not sending and kind == "port")
		local sent = math.tointeger(ms * rate * 10)
		return {[0] = {opackets = sent, ipackets = 0}, [1] = {opackets = 0, ipackets = sent // 10 * 9}, n = 2}
	end,
	pktStats = function()
		assert(latency and sending)
		return {[1] = {latency = {num_pkts = 7, min_us = 1.5, avg_us = 2.5, max_us = 3.5}}, n = 1}
	end,
}
pktgen = setmetatable({}, {__index = function(_, name)
	assert(calls[name], "pktgen has no " .. name)
	return function(...)
		assert(not quit, name .. " after quit")
		calls[name](name, select("#", ...), ...)
		if acts[name] then
			return acts[name](...)
		end
	end
end})
dofile(arg[1])
assert(quit, "it does not quit")
LUA

# run SCRIPT ROWS LAST_ROW
run() {
	PDP_PKTGEN=$PDP_SOURCE/scripts/pktgen PKTGEN_SECONDS=2 PKTGEN_RESULT=$WORK/$1.csv lua5.3 "$WORK/stub.lua" \
		"$PDP_SOURCE/scripts/pktgen/$1.lua" >"$WORK/$1.log" 2>&1 || fail "$1.lua: $(cat "$WORK/$1.log")"
	assert_equal "rows of $1.lua" "$(wc -l <"$WORK/$1.csv")" "$2"
	assert_equal "last row of $1.lua" "$(tail -n 1 "$WORK/$1.csv")" "$3"
	[ ! -e "$WORK/$1.csv.part" ] || fail "$1.lua leaves its unfinished result"
	say "$1.lua: $(tail -n 1 "$WORK/$1.csv")"
}

run rates 11 100,2000000,1800000,10.0000,0.900
run sizes 8 1518,2000000,1800000,10.0000,0.900
run latency 6 50,1000000,900000,7,1.50,2.50,3.50
