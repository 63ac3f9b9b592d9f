# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig9: the throughput of a router by frame size. One MD, one engine, plugin ip; frames from memory (loadgen, closed
loop); sizes as on the wire: what a frame takes of a link, with FCS, preamble and gap. Then TCP between two hosts, through
a VR and through the Linux kernel in the VR's place, on the same veth links (net_af_packet copies each packet through
the kernel, so there the links are the bottleneck).
"""
from ..fibs import LOADGEN_NET, RouterLoad, RouteSpace, frames, measure_rate
from ..loadgen import SIZES_ON_WIRE, WIRE_OVERHEAD
from ..parties import Testpmd
from ..routers import KernelRouter, RouterNode
from ..session import Sample, summary_row
from ..summary import median, round_ratios

NAME = "pdp-fig9"
ABOUT = "throughput of an IP router by frame size, beside testpmd mac; TCP beside the kernel (PdP, figure 9)"
ROUNDS = 3
WINDOW_S = 1.0
TCP_S = 3
OURS, MAC, KERNEL = "pdp", "testpmd mac", "kernel"


def loaded(session, space, party, wire):
    """@return a party that forwards frames of so many bytes on the wire"""
    devs = frames(size=wire - WIRE_OVERHEAD, payload="none")
    if party == OURS:
        return RouterLoad(session, f"pdp, {wire} bytes", [space], devs)
    return Testpmd(session, f"testpmd mac, {wire} bytes", "mac", devs,
                   session.driver("drivers", "net", "loadgen", "librte_net_loadgen.so"))


def tcp(session, party):
    """@return Sample in Mbit/s"""
    def once(node):
        return Sample(node.iperf(round(max(1, session.window_s(TCP_S))), 1)["mbps"])

    with (RouterNode if party == OURS else KernelRouter)(session, f"TCP through {party}") as node:
        sample, disturbance = session.least_disturbed(lambda: session.judged(lambda: once(node)))
    sample.disturbed = disturbance.disturbed
    return sample


def run(session):
    """The case."""
    sizes = [84, 1538] if session.options.quick else SIZES_ON_WIRE
    keys = [(party, wire) for wire in sizes for party in (OURS, MAC)]
    with RouteSpace(session, LOADGEN_NET) as space:
        samples = session.rounds(session.runs(ROUNDS), keys,
                                 lambda key: measure_rate(session, loaded(session, space, *key), WINDOW_S),
                                 lambda key, s: f"{key[0]}, {key[1]} bytes on the wire: {s.value:.2f} Mpps")
    by_tcp = session.rounds(session.runs(ROUNDS), [OURS, KERNEL], lambda party: tcp(session, party),
                            lambda party, s: f"TCP through {party}: {s.value:.0f} Mbit/s")
    rows, figures = [], {}
    for (party, wire), taken in samples.items():
        row = summary_row(taken)
        rows.append({"party": party, "wire_bytes": wire, "gbps": row["mpps"] * wire * 8 / 1000, **row})
        figures[f"{party.replace(' ', '_')}_mpps_{wire}"] = row["mpps"]
    rows += [{"TCP through": party, **summary_row(taken, "mbps")} for party, taken in by_tcp.items()]
    figures["tcp_ratio_vs_kernel"] = median(round_ratios(by_tcp[OURS], by_tcp[KERNEL])[0])
    return {"rows": rows, "figures": figures}
