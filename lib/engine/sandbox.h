/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts a program of a sealed engine confined (DESIGN section 5): as an unprivileged user of its
 * VR, in user, mount, network, PID, IPC, UTS and cgroup namespaces of its own, with an empty
 * read-only root that has the program, the plugin and their libraries, no /proc, no /sys and no
 * device, under limits. What happens inside before the plugin is loaded is the program's
 * (apps/pdp-engine/confine.h).
 *
 *   primary -- posix_spawn --> pdp-engine-sandbox -- exec --> bubblewrap --> init --> program
 *                              (root, then the VR's user)     (waits)       (PID 1)  (PID 2)
 *
 * The child of the primary is bubblewrap, which ends after the program, with its exit code or 128
 * and its signal; the program's own number comes with its first message (sandbox_receive()). Each
 * dies with the one before it, and all with the thread that called sandbox_spawn().
 *
 * Thread: control. sandbox_spawn() does not wait for anything; sandbox_check() does.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stddef.h>
#include <sys/types.h>

#define SANDBOX_SOCK_FD	 3     /**< the program's end of the socket */
#define SANDBOX_PLUGINS	 "/vr" /**< folder of the plugin inside; it keeps its name */
#define SANDBOX_GROUPS	 2     /**< control groups, as version 1 has them apart */
#define SANDBOX_CHECK_MS 5000
#define SANDBOX_LAUNCHER "pdp-engine-sandbox" /**< in the folder of pdp-engine */

/** What is started, and under which limits. All is borrowed for the call. */
struct sandbox_params {
	const char *launcher; /**< path of pdp-engine-sandbox */
	const char *program;
	const char *plugin; /**< its file; NULL: none */
	const char *const
		*args; /**< of the program, without its name; NULL-terminated; NULL: none */
	uid_t uid;     /**< user and group, not 0 */
	int cpu;       /**< it runs there from its first instruction; -1: anywhere */
	unsigned int memory_mb;		    /**< private writable memory of one process */
	unsigned int tasks;		    /**< threads of one engine */
	const char *groups[SANDBOX_GROUPS]; /**< files that processes are moved to; NULL: none */
	int sock;			    /**< becomes SANDBOX_SOCK_FD; -1: /dev/null */
	int log; /**< becomes its standard output and error; -1: those of the primary */
};

/**
 * Start the program.
 * @param pid  out: process number of bubblewrap, a child of the caller, to be waited for
 * @return 0 or -errno of posix_spawn: ENOENT (no launcher), EAGAIN, ENOMEM
 */
int sandbox_spawn(const struct sandbox_params *p, pid_t *pid);

/**
 * Kill bubblewrap with all that it has made so far. What it makes does not follow it at once: until
 * the first process of the new PID namespace has asked for that, it would wait for ever for a
 * bubblewrap that is gone.
 * @param pid  as sandbox_spawn() said, and not waited for yet
 */
void sandbox_kill(pid_t pid);

/**
 * Start the launcher's own "true" (no program of anybody's) in a sandbox once, to see that the
 * machine can do it: bubblewrap, user namespaces, the user.
 * @param why  out, on failure: a sentence with the remedy
 * @return 0, -ETIMEDOUT, -EPERM, or -errno of sandbox_spawn()
 * Waits up to SANDBOX_CHECK_MS: at the start of a node only.
 */
int sandbox_check(const char *launcher, uid_t uid, char *why, size_t why_size);

/** Let the socket say who sends; before the program is started. @return 0 or -errno */
int sandbox_identify(int sock);

/**
 * Receive a message and who sent it, as this process numbers processes and users.
 * @param sock  after sandbox_identify()
 * @param pid   out: 0 if the kernel does not say
 * @return bytes, 0 (closed), or -errno: EAGAIN, ...
 */
ssize_t sandbox_receive(int sock, void *buf, size_t size, pid_t *pid, uid_t *uid);

#endif /* SANDBOX_H */
