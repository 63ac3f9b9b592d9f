# SPDX-License-Identifier: BSD-3-Clause
"""For tests of the netlink mirror: a namespace with three Ethernet links, and pdp-bench-mirror in it."""
import json
import os
import subprocess
import sys
import tempfile

BUILD = os.environ.get("PDP_BUILD", "build")
SOURCE = os.environ.get("PDP_SOURCE", ".")
PROGRAM = os.path.join(BUILD, "apps", "pdp-bench", "pdp-bench-mirror")
TABLE = os.path.join(SOURCE, "..", "shared", "data", "bgp-prefixes.txt.gz")
LINKS = range(3)

# Enum pdp_fib_type.
NONE, FORWARD, UNRESOLVED, GLEAN, LOCAL, BLACKHOLE, UNREACHABLE, PROHIBIT, DEAD = range(9)


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


class Space:
    """A namespace: v0, v1, v2, with 10.N.0.1/24 and 2001:db8:N::1/64, neighbours 2 of each known."""

    def __init__(self):
        if os.getuid() != 0:
            skip("wants root")
        self.name = f"pdp-mirror-{os.getpid()}"
        self.scratch = tempfile.TemporaryDirectory()

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.sh("ip link set lo up")
        for i in LINKS:
            self.sh(f"ip link add v{i} type veth peer name w{i}; ip link set w{i} addrgenmode none up;"
                    f"ip link set v{i} addrgenmode none up; ip addr add 10.{i}.0.1/24 dev v{i};"
                    f"ip addr add 2001:db8:{i}::1/64 dev v{i} nodad;"
                    f"ip neigh add 10.{i}.0.2 lladdr 02:00:00:00:{i:02x}:02 dev v{i};"
                    f"ip neigh add 2001:db8:{i}::2 lladdr 02:00:00:00:{i:02x}:06 dev v{i}")
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        self.scratch.cleanup()

    def sh(self, commands, check=True):
        """Commands of a shell inside. @return what they print"""
        done = subprocess.run(["ip", "netns", "exec", self.name, "sh", "-ec" if check else "-c", commands],
                              stdout=subprocess.PIPE, stderr=None if check else subprocess.DEVNULL, text=True,
                              check=False)
        assert done.returncode == 0 or not check, commands
        return done.stdout

    def file(self, name, prefixes):
        path = os.path.join(self.scratch.name, name)
        with open(path, "w", encoding="ascii") as f:
            f.write("".join(p + "\n" for p in prefixes))
        return path


class Mirror:
    """The program; use as a context."""

    def __init__(self, space, *args, links=LINKS):
        self.space = space
        self.popen = subprocess.Popen(["ip", "netns", "exec", space.name, PROGRAM, *args], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        assert self.popen.stdout.readline(), "pdp-bench-mirror does not start"
        for i in links:
            self.ask(f"vif v{i} {i} ethernet")

    def __enter__(self):
        self.ask("settle")
        return self

    def __exit__(self, *_):
        self.popen.stdin.close()
        code = self.popen.wait(30)
        assert code == 0, f"pdp-bench-mirror ends with {code}"

    def ask(self, command):
        self.popen.stdin.write(command + "\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        assert line, f"pdp-bench-mirror died of: {command}"
        answer = json.loads(line)
        assert "error" not in answer, f"{command}: {answer['error']}"
        return answer

    def stats(self):
        return self.ask("stats")

    def route(self, prefix):
        return self.ask(f"route {prefix}")

    def best(self, prefix):
        """@return (why, the route in the FIB or None)"""
        answer = self.route(prefix)
        return answer["why"], next((r for r in answer["routes"] if r["best"]), None)

    def types(self, prefix):
        """What the next hops of the route in the FIB are now."""
        return [h["type"] for h in self.best(prefix)[1]["hops"]]

    def agrees(self, files, what, edges=3, step=1):
        """At rest the kernel, asked address by address, says what the FIB says; so do the digests."""
        self.ask("settle 15")
        for family, path in files.items():
            found = self.ask(f"probe {family} {path} 0 {edges} {step}")
            assert found["different"] == 0 and found["addresses"] > 0, f"{what}: IPv{family}: {found}"
        check = self.ask("check")
        assert check["different"] == 0 and check["same_digest"], f"{what}: {check}"
