# SPDX-License-Identifier: BSD-3-Clause
"""
one-cpu: a node that has one CPU for everything (cpus.share_md): the MD and eight VRs of one engine each. Every VR is
offered the same, once together a load that the CPU can carry, and once far more. Nobody may starve: every VR forwards,
and all about the same (Jain's index of what they sent).
"""
from ..loadgen import LoadgenNode, node_config, ports
from ..session import Sample, medians_of, summary_row
from ..summary import jain

NAME = "one-cpu"
ABOUT = "the MD and eight VRs on one CPU: who forwards how much"
ROUNDS = 3
WINDOW_S = 3.0
VRS = 8
LOADS = {"light": 80000, "overload": 40000000}


def config(session):
    vrs = [{"name": f"vr{i}", "plugin": "relay",
            "vifs": [{"name": "a", "port": "net_loadgen0", "source": [f"10.{i}.0.0/16"]},
                     {"name": "b", "port": "net_loadgen1", "source": [f"11.{i}.0.0/16"]}]} for i in range(VRS)]
    return node_config(session, vrs, cpus={"engines": [session.md_cpu], "share_md": True})


def measure(session, load):
    """@return Sample in kpps of all VRs together"""
    def once():
        vdevs = ports(f"start=0,rate={LOADS[load]},mix=src:10.0.0.0/16,vrs={VRS},flows={VRS * 8}")
        with LoadgenNode(session, "pdp", config(session), vdevs) as node:
            got, disturbance = node.play(session.window_s(WINDOW_S))
            sent = [vr["tx"] for vr in node.control.ask("stats")["vrs"].values()]
            return {**got, "jain": jain(sent), "least_of_most": min(sent) / max(sent), "least": min(sent)}, disturbance

    got, disturbance = session.least_disturbed(once)
    return Sample(got["kpps"], disturbance.disturbed,
                  {k: got[k] for k in ("jain", "least_of_most", "least", "missed_pct", "loss_pct", "p50_us", "p99_us")})


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), list(LOADS), lambda load: measure(session, load),
                             lambda load, s: f"{load}: {s.value:.1f} kpps, Jain {s.extra['jain']:.4f}")
    rows, figures = [], {}
    for load, taken in samples.items():
        row, more = summary_row(taken, "kpps"), medians_of(taken)
        rows.append({"load": load, "vrs": VRS, "offered_kpps": LOADS[load] / 1000, **more, **row})
        figures.update({f"{load}_{k}": v for k, v in (("kpps", row["kpps"]), ("jain", more["jain"]),
                                                      ("least", min(s.extra["least"] for s in taken)))})
    return {"rows": rows, "figures": figures}
