# SPDX-License-Identifier: BSD-3-Clause
"""
DPDK's sample multi_process/client_server_mp, built into the scratch folder of this run. Its source is what Debian's
dpdk-dev ships where it does (older ones), else Debian's source package of the installed version, by apt-get with lists
of its own: nothing of the system's apt changes, no line of the sample stays.
"""
import glob
import os
import subprocess
import tarfile

from . import Trouble, machine

WITHIN = "examples/multi_process/client_server_mp"
SHIPPED = ["/usr/share/dpdk/" + WITHIN, "/usr/share/doc/dpdk-dev/" + WITHIN]
APT_S = 120
CC_S = 120


def _run(args, cwd, timeout_s, what):
    try:
        done = subprocess.run(args, cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False,
                              stdin=subprocess.DEVNULL)
    except FileNotFoundError as err:
        raise Trouble(f"{what}: there is no {args[0]}") from err
    except subprocess.TimeoutExpired as err:
        raise Trouble(f"{what}: nothing after {timeout_s} s") from err
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Trouble(f"{what}: {lines[-1] if lines else 'failed'}")
    return done.stdout


def source_list(targets):
    """
    deb-src lines for the Debian repositories that the system gets its packages from.
    @param targets  lines "origin|uri|release|component|signed-by" of apt-get indextargets
    """
    lines = {}
    for target in targets.splitlines():
        origin, uri, release, component, key = (target.split("|") + [""] * 5)[:5]
        if origin == "Debian" and component == "main":
            signed = f"[signed-by={key}] " if key.startswith("/") else ""
            lines[f"deb-src {signed}{uri} {release} {component}"] = None
    return "".join(line + "\n" for line in lines)


def _apt(folder):
    """apt-get with lists of its own in folder."""
    os.makedirs(os.path.join(folder, "lists", "partial"), exist_ok=True)
    options = {"Dir::Etc::sourcelist": f"{folder}/sources.list", "Dir::Etc::sourceparts": "/dev/null",
               "Dir::State::lists": f"{folder}/lists", "Dir::Cache::pkgcache": "", "Dir::Cache::srcpkgcache": "",
               "Acquire::Languages": "none", "APT::Sandbox::User": "root"}
    return ["apt-get", "-qq"] + [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def _download(folder):
    """Debian's source archive of the installed DPDK. @return its path"""
    version = _run(["dpkg-query", "-W", "-f", "${source:Version}", "libdpdk-dev"], folder, 20, "libdpdk-dev")
    targets = _run(["apt-get", "indextargets", "--format",
                    "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)", "Created-By: Packages"],
                   folder, 20, "apt-get indextargets")
    with open(os.path.join(folder, "sources.list"), "w", encoding="utf-8") as f:
        f.write(source_list(targets))
    apt = _apt(folder)
    _run(apt + ["update"], folder, APT_S, "apt-get update for Debian's sources")
    _run(apt + ["source", "--download-only", f"dpdk={version}"], folder, APT_S, f"source of dpdk {version}")
    archives = glob.glob(os.path.join(folder, "dpdk_*.orig.tar.*"))
    archives = [a for a in archives if not a.endswith(".asc")]
    if not archives:
        raise Trouble(f"source of dpdk {version}: no archive came")
    return archives[0]


def _unpack(archive, folder):
    """Takes the sample's files alone. @return its folder"""
    with tarfile.open(archive) as tar:
        for member in tar:
            at = member.name.find("/" + WITHIN + "/")
            if at < 0 or not member.isfile() or ".." in member.name:
                continue
            path = os.path.join(folder, "sample", member.name[at + len(WITHIN) + 2:])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(tar.extractfile(member).read())
    return os.path.join(folder, "sample")


def build(session):
    """
    Gets and builds the sample, for the CPU that we are built for.
    @return {"mp_server": program, "mp_client": program}; Trouble says why it cannot be had
    """
    folder = os.path.join(session.scratch, "client_server_mp")
    os.makedirs(folder, exist_ok=True)
    source = next((s for s in SHIPPED if os.path.isdir(s)), None)
    if source is None:
        session.say("getting the source of client_server_mp from Debian")
        source = _unpack(_download(folder), folder)
    cpu = machine.build_option(session.build, "cpu")
    flags = _run(["pkg-config", "--cflags", "libdpdk"], folder, 20, "pkg-config").split()
    libs = _run(["pkg-config", "--libs", "libdpdk"], folder, 20, "pkg-config").split()
    programs = {}
    for name in ("mp_server", "mp_client"):
        files = sorted(glob.glob(os.path.join(source, name, "*.c")))
        programs[name] = os.path.join(folder, name)
        _run([os.environ.get("CC", "cc"), "-O3", "-w", "-DALLOW_EXPERIMENTAL_API", "-I", os.path.join(source, "shared"),
              "-o", programs[name], *files, *flags, *([f"-march={cpu}"] if cpu else []), *libs], folder, CC_S,
             f"building {name}")
    return programs
