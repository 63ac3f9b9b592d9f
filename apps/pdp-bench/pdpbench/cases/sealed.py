# SPDX-License-Identifier: BSD-3-Clause
"""
sealed: what it costs to keep a VR out of everybody else's memory. The same relay, which exchanges MAC addresses, as
`secondary` (shares the packets' memory) and as `sealed` (the MD copies in and out), through a header window of 128
bytes and whole; by size of frame. And the same without touching packets, where nothing is copied back. As much as the
MD can do (loadgen, closed loop, real frames), in turns: compare only ratios within a round.
"""
from ..loadgen import LoadgenNode, node_config, ports
from ..session import medians_of, summary_row
from ..summary import median, round_ratios

NAME = "sealed"
ABOUT = "packets a second of sealed engines over secondary ones, by size, header window and whole packets"
ROUNDS = 5
WINDOW_S = 1.0
SIZES = [64, 512, 1500, 9000]
SECONDARY, WINDOW, FULL = "secondary", "sealed", "sealed, whole packets"
LEVELS = {SECONDARY: {}, WINDOW: {"isolation": "sealed"}, FULL: {"isolation": "sealed", "window": "full"}}


def vr_of(level, touch):
    return {"name": "red", "plugin": "relay", "args": {"swap_mac": touch}, **LEVELS[level],
            "vifs": [{"name": "a", "port": "net_loadgen0"}, {"name": "b", "port": "net_loadgen1"}]}


def node_of(session, size, level, touch):
    config = node_config(session, [vr_of(level, touch)])
    for port in config["ports"]:
        port["mtu"] = max(1500, size)
    vdevs = ports(f"loop=closed,measure=0,flows=64,size={size}")
    return LoadgenNode(session, f"{size} bytes, {level}{'' if touch else ', untouched'}", config, vdevs)


def measure(session, party):
    with party:
        party.wait_for_traffic()
        session.warm_up()
        return session.measure_rate(party, session.window_s(WINDOW_S))


def ratio(samples, size, level, touch):
    ratios, _ = round_ratios(samples[size, level, touch], samples[size, SECONDARY, touch])
    return median(ratios)


def run(session):
    """The case."""
    parties = {(size, level, touch): node_of(session, size, level, touch)
               for size in SIZES for touch in (True, False) for level in LEVELS}
    samples = session.rounds(session.runs(ROUNDS), list(parties), lambda key: measure(session, parties[key]),
                             lambda key, s: f"{parties[key].name}: {s.value:.2f} Mpps")
    rows = [{"bytes": size, "level": level, "touched": "yes" if touch else "no",
             "ratio": ratio(samples, size, level, touch), **summary_row(taken), **medians_of(taken)}
            for (size, level, touch), taken in samples.items()]
    figures = {f"secondary_{size}_mpps": median([s.value for s in samples[size, SECONDARY, True]]) for size in SIZES}
    for size in SIZES:
        window = "" if size == 64 else "_window"
        figures[f"ratio_{size}{window}"] = ratio(samples, size, WINDOW, True)
        figures[f"ratio_{size}_full"] = ratio(samples, size, FULL, True)
        figures[f"ratio_{size}_untouched"] = ratio(samples, size, WINDOW, False)
    return {"rows": rows, "figures": {k: v for k, v in figures.items() if v is not None}}
