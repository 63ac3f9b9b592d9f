# SPDX-License-Identifier: BSD-3-Clause
"""
Who is measured: PdP's node, dpdk-testpmd, and DPDK's sample client_server_mp. All are started alike, with the same
ports, and counted by the same counters of these ports over the same window.

A party: `with party:` starts and ends it; sent(), before(), after() are what Session.measure_rate() asks.
"""
import json

from . import Trouble
from .procs import forget_prefix, wait_for
from .sockets import Control, PortCounters, table_rows

START_S = 60  # on a busy machine; alone it takes a fraction of a second


class Party:
    """What all have in common."""

    def __init__(self, session, name):
        self.session = session
        self.name = name
        self.prefix = None
        self.processes = []
        self.counters = None

    def __enter__(self):
        self.prefix = self.session.new_prefix()
        try:
            self.begin()
            self.counters = self.open_counters()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.counters is not None:
            self.counters.close()
            self.counters = None
        for process in reversed(self.processes):
            process.ask_to_stop()
        while self.processes:
            self.session.end(self.processes.pop())
        forget_prefix(self.prefix)
        self.session.prefixes.remove(self.prefix)

    def open_counters(self):
        """What sent() asks: an object with sent() and close()."""
        return PortCounters(self.prefix, self.check)

    def run(self, name, args, stop_input=None, cpus=None):
        process = self.session.start(f"{name}-{self.prefix}", args, stop_input, cpus)
        self.processes.append(process)
        return process

    def wrap(self, args):
        """Where the party's own program runs: its command line."""
        return args

    def check(self):
        for process in self.processes:
            process.check()

    def eal(self, lcores, ports):
        """Arguments of EAL that are the same for all."""
        args = ["--lcores", lcores, "--file-prefix", self.prefix, "--no-pci"]
        for port in ports:
            args += ["--vdev", port]
        return args

    def wait_for_traffic(self):
        first = self.counters.sent()[1]
        wait_for(f"{self.name} sends nothing", lambda: self.counters.sent()[1] > first, START_S, self.check)

    def sent(self):
        self.check()
        return self.counters.sent()

    def begin(self):
        """Starts its processes."""
        raise NotImplementedError

    def before(self):
        return None

    def after(self, _state):
        """@return further columns"""
        return {}


class Testpmd(Party):
    """dpdk-testpmd in a forwarding mode on the MD's CPU, with its own defaults (burst 32); it commands from the other."""

    def __init__(self, session, name, mode, ports, driver=None):
        super().__init__(session, name)
        self.mode, self.ports, self.driver = mode, ports, driver

    def begin(self):
        lcores = f"0@{self.session.engine_cpu},1@{self.session.md_cpu}"
        driver = ["-d", self.driver] if self.driver else []
        args = ["dpdk-testpmd", *driver, *self.eal(lcores, self.ports), "--", f"--forward-mode={self.mode}",
                "--auto-start", "--total-num-mbufs=16384"]
        try:
            self.run("testpmd", args, stop_input=b"\n")
        except FileNotFoundError as err:
            raise Trouble("dpdk-testpmd is not installed; apt-get install dpdk-dev") from err


class ClientServer(Party):
    """DPDK's multi_process/client_server_mp: the server where our MD is, all clients where our engines are."""

    def __init__(self, session, name, sample, n_clients, ports):
        super().__init__(session, name)
        self.sample, self.n_clients, self.ports = sample, n_clients, ports

    def begin(self):
        server = self.run("mp_server", [self.sample["mp_server"],
                                        *self.eal(f"0@{self.session.md_cpu}", self.ports), "--",
                                        "-p", format((1 << len(self.ports)) - 1, "x"), "-n", str(self.n_clients)])
        wait_for("mp_server is not ready", lambda: "Finished Process Init" in server.tail(20), START_S, self.check)
        for i in range(self.n_clients):
            # An lcore id of its own for each: two clients with the same one crash.
            client = self.run(f"mp_client{i}", [self.sample["mp_client"], "--proc-type=secondary",
                                                *self.eal(f"{i + 1}@{self.session.engine_cpu}", []), "--",
                                                "-n", str(i)])
            wait_for("mp_client is not ready", lambda c=client: "Finished Process Init" in c.tail(20), START_S,
                     self.check)


class Node(Party):
    """A PdP node."""

    def __init__(self, session, name, config, ports):
        super().__init__(session, name)
        self.config, self.ports = config, ports
        self.control = None

    def begin(self):
        file = self.session.file(f"{self.prefix}.json", json.dumps(self.config, indent=1))
        program = self.session.program("apps", "pdp-primary", "pdp-primary")
        self.run("pdp-primary", self.wrap([program, *self.eal(f"0@{self.session.md_cpu}", self.ports), "--", "-c", file]))
        self.control = Control(self.prefix, self.check)
        try:
            wait_for("engines do not run", self.engines_run, START_S, self.check)
        except Trouble as err:
            self.check()
            states = ", ".join(f"{e['engine']} {e['state']} {e['last_death']}".strip() for e in self.engines())
            raise Trouble(f"{err}: {states}; {self.processes[0].tail()}") from err

    def __exit__(self, *args):
        if self.control is not None:
            self.control.close()
            self.control = None
        super().__exit__(*args)

    def engines(self):
        return table_rows(self.control.ask("engine list"))

    def engines_run(self):
        engines = self.engines()
        return engines and all(e["state"] in ("running", "parked") for e in engines)

    def before(self):
        return self.control.ask("stats"), {vr["name"]: self.control.ask("vr show", vr=vr["name"])
                                           for vr in self.config["vrs"]}

    def after(self, state):
        old, old_vrs = state
        new, new_vrs = self.before()
        if not new["conserved"]:
            raise Trouble(f"{self.name}: packets are missing (stats: conserved is false)")
        row = stage_cycles(old["node"]["stages"], new["node"]["stages"])
        row.update(engine_cycles([v["engine_cycles"] for v in old_vrs.values()],
                                 [v["engine_cycles"] for v in new_vrs.values()]))
        row["dropped_pct"] = dropped_pct(old["vrs"], new["vrs"])
        return row


def _ratio(over, under):
    return over / under if under > 0 else None


def stage_cycles(old, new):
    """Cycles a packet of each MD stage, from two answers of `stats`."""
    return {s: _ratio(new[s]["tsc"] - old[s]["tsc"], new[s]["packets"] - old[s]["packets"]) for s in new}


def engine_cycles(old, new):
    """Cycles a packet of the engines: busy in all, and the plugin alone, from two answers of `vr show`."""
    def grown(key):
        return sum(n[key] for n in new) - sum(o[key] for o in old)

    return {"engine": _ratio(grown("busy_tsc"), grown("packets")),
            "plugin": _ratio(grown("process_tsc"), grown("process_packets"))}


def dropped_pct(old, new):
    """Of what arrived, percent that was dropped, from two answers of `stats`."""
    def grown(key):
        return sum(new[v][key] - old[v][key] for v in new)

    share = _ratio(grown("dropped"), grown("rx"))
    return None if share is None else 100 * share
