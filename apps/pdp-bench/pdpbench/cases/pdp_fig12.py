# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig12: what a large FIB costs (PdP's figure 12, Europa's figure 5: a FIB of 170,000 entries beside one of two). A
router, one MD and one engine, forwards 64-byte frames (60 and FCS) from memory with 2 routes and with 170,000 real ones;
destinations are the same in both, one in each of the 170,000 prefixes in random order. dpdk-testpmd, mode mac, takes
turns with them on the same ports with the same frames: one core that rewrites MAC addresses and looks nothing up.
"""
import random

from ..fibs import TWO, RouterLoad, RouteSpace, frames, measure_rate, real_prefixes
from ..parties import Testpmd
from ..session import medians_of, summary_row
from ..summary import median, quiet_values, round_ratios

NAME = "pdp-fig12"
ABOUT = "64-byte packets a second of an IP router with 2 and 170,000 routes (PdP, figure 12)"
ROUNDS = 5
WINDOW_S = 2.0
N_ROUTES = 170000
SMALL, LARGE, MAC = "pdp, 2 routes", "pdp, 170,000 routes", "testpmd mac"


def destinations(session, prefixes, name="destinations"):
    """A file for loadgen: in another order than that of the table. @return its path"""
    mixed = random.Random(1).sample(prefixes, len(prefixes))
    return session.file(name, "".join(p + "\n" for p in mixed))


def ratio(samples, mine, other):
    return median(round_ratios(samples[mine], samples[other])[0])


def figures_of(samples):
    figures = {"large_fib_ratio": ratio(samples, LARGE, SMALL), "ratio_170k_vs_testpmd_mac": ratio(samples, LARGE, MAC),
               "ratio_2_vs_testpmd_mac": ratio(samples, SMALL, MAC)}
    for name, key in ((LARGE, "mpps_170k"), (SMALL, "mpps_2"), (MAC, "testpmd_mac_mpps")):
        figures[key] = median(quiet_values(samples[name]))
    return {k: v for k, v in figures.items() if v is not None}


def run(session):
    """The case."""
    prefixes = real_prefixes(N_ROUTES)
    devs = frames(flows=N_ROUTES, dst_file=destinations(session, prefixes))
    driver = session.driver("drivers", "net", "loadgen", "librte_net_loadgen.so")
    with RouteSpace(session, TWO) as small, RouteSpace(session, prefixes) as large:
        parties = [RouterLoad(session, SMALL, [small], devs), RouterLoad(session, LARGE, [large], devs),
                   Testpmd(session, MAC, "mac", devs, driver)]
        by_party = session.rounds(session.runs(ROUNDS), parties, lambda party: measure_rate(session, party, WINDOW_S),
                                  lambda party, s: f"{party.name}: {s.value:.2f} Mpps")
    samples = {party.name: taken for party, taken in by_party.items()}
    rows = [{"party": name, **summary_row(taken)} for name, taken in samples.items()]
    rows += [{"cycles of": name, **medians_of(samples[name])} for name in (SMALL, LARGE)]
    return {"rows": rows, "figures": figures_of(samples)}
