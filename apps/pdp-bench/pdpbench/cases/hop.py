# SPDX-License-Identifier: BSD-3-Clause
"""
hop: what isolation costs. Packets from a port through the MD, an engine of another process, and the MD to a port, side
by side with one process that only forwards (testpmd) and with DPDK's own two-process sample.

Ports: two net_null ports (64 bytes, copy=0: a port costs as little as can be, so that what is measured is the rest;
two, because the sample and testpmd pair ports). All parties have the same. net_null's frames have no headers: the node
classifies by port. The second set, net_loadgen (loop=closed, measure=0), gives real frames, Ethernet in UDP with 64
bytes inside, that the node classifies by UDP port and takes out of the tunnel; the sample is absent there, as loadgen
does not send from a secondary. Everything that leaves is counted, over all ports, for all parties by the same counters.

Packets go from CPU to CPU and back by cache lines; how long one takes both ways is measured before each of the sets and
after them (line.c), as rates move with it.
"""
import subprocess

from .. import Trouble, sample
from ..parties import ClientServer, Node, Testpmd
from ..session import medians_of, summary_row
from ..summary import median, quiet_values, round_ratios

NAME = "hop"
ABOUT = "packets a second through the MD and one engine, beside testpmd and client_server_mp"
ROUNDS = 5
WINDOW_S = 2.0

NULL_PORTS = ["net_null0,size=64,copy=0", "net_null1,size=64,copy=0"]
UDP_PORT = 4801
INNER = 64
OUTER = 14 + 20 + 8
LOADGEN_PORTS = [f"net_loadgen{i},loop=closed,measure=0,flows=64,size={OUTER + INNER},"
                 f"mix=udp:{UDP_PORT}:inner=ethernet" for i in range(2)]

IO, MAC, OURS, OURS2 = "testpmd io", "testpmd mac", "pdp", "pdp, 2 engines on 1 CPU"
SAMPLE, SAMPLE2 = "client_server_mp", "client_server_mp, 2 clients on 1 CPU"


def null_config(session, engines):
    """One VR between both ports. Frames without headers are one flow, so two engines take turns."""
    vr = {"name": "red", "plugin": "relay", "engines": engines,
          "vifs": [{"name": "a", "port": "net_null0"}, {"name": "b", "port": "net_null1"}]}
    if engines > 1:
        vr["balance"] = "rr"
    return {"cpus": {"engines": [session.engine_cpu]}, "ports": [{"name": "net_null0"}, {"name": "net_null1"}],
            "vrs": [vr]}


def loadgen_config(session, engines):
    """The same, each vif an Ethernet-in-UDP tunnel to loadgen's addresses."""
    vifs = [{"name": name, "port": f"net_loadgen{i}", "kind": "ethernet", "carrier": "udp", "udp_port": UDP_PORT,
             "local": "10.255.0.1", "remote": "10.255.0.2", "remote_mac": "02:50:44:50:00:10"}
            for i, name in enumerate(("a", "b"))]
    return {"cpus": {"engines": [session.engine_cpu]}, "ports": [{"name": "net_loadgen0"}, {"name": "net_loadgen1"}],
            "vrs": [{"name": "red", "plugin": "relay", "engines": engines, "vifs": vifs}]}


def null_parties(session, programs):
    """In the order in which they take turns."""
    parties = [Testpmd(session, IO, "io", NULL_PORTS), Node(session, OURS, null_config(session, 1), NULL_PORTS),
               Testpmd(session, MAC, "mac", NULL_PORTS)]
    if programs:
        parties.append(ClientServer(session, SAMPLE, programs, 1, NULL_PORTS))
    parties.append(Node(session, OURS2, null_config(session, 2), NULL_PORTS))
    if programs:
        parties.append(ClientServer(session, SAMPLE2, programs, 2, NULL_PORTS))
    return parties


def loadgen_parties(session):
    driver = session.driver("drivers", "net", "loadgen", "librte_net_loadgen.so")
    return [Testpmd(session, IO, "io", LOADGEN_PORTS, driver),
            Node(session, OURS, loadgen_config(session, 1), LOADGEN_PORTS),
            Testpmd(session, MAC, "mac", LOADGEN_PORTS, driver),
            Node(session, OURS2, loadgen_config(session, 2), LOADGEN_PORTS)]


def measure(session, party):
    """One party of one round. @return Sample"""
    with party:
        if party.name != SAMPLE2:  # which may stand still
            party.wait_for_traffic()
        session.warm_up()
        return session.measure_rate(party, session.window_s(WINDOW_S))


def line_ns(session):
    """A cache line from the MD's CPU to the engines' and back."""
    program = session.program("apps", "pdp-bench", "pdp-bench-line")
    cpus = [str(session.md_cpu), str(session.engine_cpu)]
    ns = float(subprocess.run([program, *cpus], check=True, stdout=subprocess.PIPE, timeout=60).stdout)
    session.say(f"a cache line between CPUs {' and '.join(cpus)}: {ns:.0f} ns there and back")
    return ns


def run_rounds(session, ports, parties):
    """@return {name: [Sample of each round]}"""
    by_party = session.rounds(session.runs(ROUNDS), parties, lambda party: measure(session, party),
                              lambda party, s: f"{ports}: {party.name}: {s.value:.2f} Mpps")
    return {party.name: samples for party, samples in by_party.items()}


def rows_of(ports, samples):
    """A row a party, and one more for a node: cycles a packet, as medians of its rounds."""
    rows = [{"ports": ports, "party": name, **summary_row(taken)} for name, taken in samples.items()]
    for name, taken in samples.items():
        if taken[0].extra:
            rows.append({"ports": ports, "cycles of": name, **medians_of(taken)})
    return rows


def ratio(samples, mine, other):
    """Median over the rounds of one party's rate over another's; None where one is absent."""
    ratios, _ = round_ratios(samples.get(mine, []), samples.get(other, []))
    return median(ratios)


def figures_of(null, loadgen, lines):
    figures = {
        "line_round_trip_ns": median(lines),
        "ratio_vs_testpmd_mac": ratio(null, OURS, MAC),
        "ratio_vs_testpmd_io": ratio(null, OURS, IO),
        "ratio_vs_client_server_mp": ratio(null, OURS, SAMPLE),
        "two_engines_one_cpu_ratio": ratio(null, OURS2, OURS),
        "two_clients_one_cpu_ratio": ratio(null, SAMPLE2, SAMPLE),
        "loadgen_ratio_vs_testpmd_mac": ratio(loadgen, OURS, MAC),
        "loadgen_two_engines_one_cpu_ratio": ratio(loadgen, OURS2, OURS),
    }
    names = {"testpmd_io_mpps": IO, "testpmd_mac_mpps": MAC, "pdp_mpps": OURS, "pdp_two_engines_mpps": OURS2,
             "client_server_mp_mpps": SAMPLE, "client_server_mp_two_clients_mpps": SAMPLE2}
    for key, name in names.items():
        figures[key] = median(quiet_values(null.get(name, [])))
        figures["loadgen_" + key] = median(quiet_values(loadgen.get(name, [])))
    return {k: v for k, v in figures.items() if v is not None}


def run(session):
    """The case."""
    programs, rows = None, []
    try:
        programs = sample.build(session)
    except Trouble as err:
        session.say(f"no client_server_mp: {err}")
        absent = {"ports": "net_null", "party": SAMPLE, "absent": str(err)}
        rows = [absent]
    lines = [line_ns(session)]
    null = run_rounds(session, "net_null", null_parties(session, programs))
    lines.append(line_ns(session))
    loadgen = run_rounds(session, "net_loadgen", loadgen_parties(session))
    lines.append(line_ns(session))
    rows.append({"cache line from the MD's CPU to the engines' and back": "ns",
                 **dict(zip(("before", "between", "after"), lines))})
    return {"rows": rows_of("net_null", null) + rows + rows_of("net_loadgen", loadgen),
            "figures": figures_of(null, loadgen, lines)}
