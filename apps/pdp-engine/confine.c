/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two filters of a sealed engine, made from one table. See confine.h.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "confine.h"

#define CMPS_MAX 3
#define ALTS_MAX 8

/* Values that are known only when it runs. */
enum { PLAIN, SOCK, SELF };

/* (argument & mask) == value; mask 0: the 32 bits of an int. */
struct cmp {
	unsigned int arg;
	unsigned int live; /* PLAIN, or what takes the place of value */
	scmp_datum_t mask;
	scmp_datum_t value;
};

/* A call that is allowed where all comparisons of one alternative hold. */
struct rule {
	int call;
	bool loading_only;
	const char *when; /* for the list; NULL: always */
	unsigned int n_cmps;
	unsigned int n_alts;
	struct cmp alts[ALTS_MAX][CMPS_MAX];
};

#define ALWAYS(name)                   \
	{                              \
		.call = SCMP_SYS(name) \
	}
#define LOADING(name)                                        \
	{                                                    \
		.call = SCMP_SYS(name), .loading_only = true \
	}

#define THREAD_FLAGS \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define NAMESPACE_FLAGS                                                                \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
#define CLONE_MASK \
	(THREAD_FLAGS | NAMESPACE_FLAGS | CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT | 0x1000)
#define NOT_READ_ONLY (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_TMPFILE | O_PATH)
#define MAP_CHECKED   (MAP_TYPE | MAP_HUGETLB | MAP_LOCKED | MAP_GROWSDOWN)
#define FUTEX_OPS     0x7f /* but the flags */
#define POINTER	      UINT64_MAX
#define WX	      (PROT_WRITE | PROT_EXEC)
#define PRIVATE                                    \
	{                                          \
		3, PLAIN, MAP_CHECKED, MAP_PRIVATE \
	}
#define FUTEX_DOES(op)                            \
	{                                         \
		{                                 \
			1, PLAIN, FUTEX_OPS, (op) \
		}                                 \
	}
#define ADVICE(a)                        \
	{                                \
		{                        \
			2, PLAIN, 0, (a) \
		}                        \
	}

#define BELOW_128 "with a code below 128"
#define CODE                      \
	{                         \
		0, PLAIN, 0x80, 0 \
	}
#define TO_SELF               \
	{                     \
		0, SELF, 0, 0 \
	}
#define SIGCANCEL 32 /* libc's, for pthread_cancel() */

static const struct rule rules[] = {
	/* The loop: its clock, its sleep, its socket, its log. */
	ALWAYS(clock_gettime),
	ALWAYS(clock_getres),
	ALWAYS(clock_nanosleep),
	ALWAYS(nanosleep),
	ALWAYS(gettimeofday),
	ALWAYS(sched_yield),
	ALWAYS(getcpu),
	{.call = SCMP_SYS(futex),
	 .when = "wait, wake and requeue; no priority inheritance",
	 .n_cmps = 1,
	 .n_alts = 6,
	 .alts = {FUTEX_DOES(FUTEX_WAIT), FUTEX_DOES(FUTEX_WAKE), FUTEX_DOES(FUTEX_CMP_REQUEUE),
		  FUTEX_DOES(FUTEX_WAKE_OP), FUTEX_DOES(FUTEX_WAIT_BITSET),
		  FUTEX_DOES(FUTEX_WAKE_BITSET)}},
	{.call = SCMP_SYS(recvfrom),
	 .when = "on the socket to the primary",
	 .n_cmps = 1,
	 .n_alts = 1,
	 .alts = {{{0, SOCK, 0, 0}}}},
	{.call = SCMP_SYS(sendto),
	 .when = "on the socket to the primary, without an address",
	 .n_cmps = 2,
	 .n_alts = 1,
	 .alts = {{{0, SOCK, 0, 0}, {4, PLAIN, POINTER, 0}}}},
	{.call = SCMP_SYS(write),
	 .when = "to standard output and error, which the primary reads",
	 .n_cmps = 1,
	 .n_alts = 2,
	 .alts = {{{0, PLAIN, 0, STDOUT_FILENO}}, {{0, PLAIN, 0, STDERR_FILENO}}}},
	{.call = SCMP_SYS(writev),
	 .when = "to standard error",
	 .n_cmps = 1,
	 .n_alts = 1,
	 .alts = {{{0, PLAIN, 0, STDERR_FILENO}}}},

	/* Memory. */
	ALWAYS(brk),
	ALWAYS(munmap),
	ALWAYS(mremap),
	{.call = SCMP_SYS(mmap),
	 .when = "private, never writable and executable at once",
	 .loading_only = true,
	 .n_cmps = 2,
	 .n_alts = 3,
	 .alts = {{PRIVATE, {2, PLAIN, WX, 0}},
		  {PRIVATE, {2, PLAIN, WX, PROT_WRITE}},
		  {PRIVATE, {2, PLAIN, WX, PROT_EXEC}}}},
	{.call = SCMP_SYS(mmap),
	 .when = "private, not executable",
	 .n_cmps = 2,
	 .n_alts = 1,
	 .alts = {{PRIVATE, {2, PLAIN, PROT_EXEC, 0}}}},
	{.call = SCMP_SYS(mprotect),
	 .when = "not executable",
	 .n_cmps = 1,
	 .n_alts = 1,
	 .alts = {{{2, PLAIN, PROT_EXEC, 0}}}},
	{.call = SCMP_SYS(madvise),
	 .when = "hints, and giving private memory back",
	 .n_cmps = 1,
	 .n_alts = 6,
	 .alts = {ADVICE(MADV_NORMAL), ADVICE(MADV_WILLNEED), ADVICE(MADV_DONTNEED),
		  ADVICE(MADV_FREE), ADVICE(MADV_HUGEPAGE), ADVICE(MADV_NOHUGEPAGE)}},

	/* Threads of the plugin, and the end. */
	{.call = SCMP_SYS(clone),
	 .when = "a thread of the same process",
	 .n_cmps = 1,
	 .n_alts = 1,
	 .alts = {{{0, PLAIN, CLONE_MASK, THREAD_FLAGS}}}},
	ALWAYS(set_robust_list),
	ALWAYS(rseq),
	ALWAYS(set_tid_address),
	ALWAYS(gettid),
	ALWAYS(getpid),
	ALWAYS(sched_getaffinity),
	/* Its end as bubblewrap tells it is to be believed: a signal from outside is no fault of
	 * the VR's, so it may not look like one (lib/engine/fault.c). */
	{.call = SCMP_SYS(exit), .when = BELOW_128, .n_cmps = 1, .n_alts = 1, .alts = {{CODE}}},
	{.call = SCMP_SYS(exit_group),
	 .when = BELOW_128,
	 .n_cmps = 1,
	 .n_alts = 1,
	 .alts = {{CODE}}},
	{.call = SCMP_SYS(tgkill),
	 .when = "to the own process: signals of crashes, SIGUSR1, SIGUSR2, libc's own",
	 .n_cmps = 2,
	 .n_alts = 7,
	 .alts = {{TO_SELF, {2, PLAIN, 0, 0}},
		  {TO_SELF, {2, PLAIN, (uint32_t)~3, SIGILL}}, /* with TRAP, ABRT, BUS */
		  {TO_SELF, {2, PLAIN, 0, SIGFPE}},
		  {TO_SELF, {2, PLAIN, (uint32_t)~1, SIGUSR1}}, /* with SEGV */
		  {TO_SELF, {2, PLAIN, 0, SIGUSR2}},
		  {TO_SELF, {2, PLAIN, 0, SIGSYS}},
		  {TO_SELF, {2, PLAIN, 0, SIGCANCEL}}}},
	ALWAYS(rt_sigaction),
	ALWAYS(rt_sigprocmask),
	ALWAYS(rt_sigreturn),
	ALWAYS(sigaltstack),
	ALWAYS(restart_syscall),

	/* What libc asks: seeds, sizes. */
	ALWAYS(getrandom),
	ALWAYS(sysinfo),
	{.call = SCMP_SYS(prlimit64),
	 .when = "to read the own limits",
	 .n_cmps = 2,
	 .n_alts = 1,
	 .alts = {{{0, PLAIN, 0, 0}, {2, PLAIN, POINTER, 0}}}},

	/* The dynamic loader, and the second filter. */
	{.call = SCMP_SYS(seccomp),
	 .when = "to refuse more",
	 .loading_only = true,
	 .n_cmps = 2,
	 .n_alts = 1,
	 .alts = {{{0, PLAIN, 0, SECCOMP_SET_MODE_FILTER},
		   {1, PLAIN, (uint32_t)~SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
		    SECCOMP_FILTER_FLAG_TSYNC}}}},
	{.call = SCMP_SYS(openat),
	 .when = "to read",
	 .loading_only = true,
	 .n_cmps = 1,
	 .n_alts = 1,
	 .alts = {{{2, PLAIN, NOT_READ_ONLY, 0}}}},
	LOADING(read),
	LOADING(pread64),
	LOADING(fstat),
	LOADING(newfstatat),
	LOADING(lseek),
	ALWAYS(close),
};

#define N_RULES (sizeof(rules) / sizeof(rules[0]))

static int sock_fd = -1;

static scmp_datum_t value(const struct cmp *c)
{
	return c->live == SOCK	 ? (scmp_datum_t)sock_fd
	       : c->live == SELF ? (scmp_datum_t)getpid()
				 : c->value;
}

static int add_alt(scmp_filter_ctx ctx, const struct rule *r, const struct cmp *alt)
{
	struct scmp_arg_cmp cmps[CMPS_MAX];

	for (unsigned int i = 0; i < r->n_cmps; i++)
		cmps[i] = (struct scmp_arg_cmp){
			.arg = alt[i].arg,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = alt[i].mask != 0 ? alt[i].mask : UINT32_MAX,
			.datum_b = value(&alt[i]),
		};
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->call, r->n_cmps, cmps);
}

static int add_rule(scmp_filter_ctx ctx, const struct rule *r)
{
	int rc = r->n_alts == 0 ? seccomp_rule_add(ctx, SCMP_ACT_ALLOW, r->call, 0) : 0;

	for (unsigned int i = 0; i < r->n_alts && rc == 0; i++)
		rc = add_alt(ctx, r, r->alts[i]);
	return rc;
}

/* One filter. A second one can only refuse more: filters add up. */
static int install(bool loading)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (ctx == NULL)
		return -ENOMEM;
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; i < N_RULES && rc == 0; i++) {
		if (loading || !rules[i].loading_only)
			rc = add_rule(ctx, &rules[i]);
	}
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

/* What libc loads when it is first asked for it, while it may still be loaded. */
static void load_early(void)
{
	void *frames[1];

	backtrace(frames, 1);
}

int confine_begin(const struct confine_params *p, char *err, size_t err_size)
{
	const struct rlimit none = {0, 0}, tasks = {p->tasks, p->tasks};
	int rc;

	sock_fd = p->sock;
	load_early();
	setrlimit(RLIMIT_CORE, &none);
	if (p->tasks != 0 && setrlimit(RLIMIT_NPROC, &tasks) != 0) {
		rc = -errno;
		snprintf(err, err_size, "cannot lower the number of threads: %s", strerror(-rc));
		return rc;
	}
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		rc = -errno;
		snprintf(err, err_size, "cannot give up privileges: %s", strerror(-rc));
		return rc;
	}
	rc = install(true);
	if (rc != 0)
		snprintf(err, err_size,
			 "cannot refuse system calls: %s; a sealed engine takes a kernel with "
			 "seccomp filters",
			 strerror(-rc));
	return rc;
}

int confine_finish(char *err, size_t err_size)
{
	int rc = install(false);

	if (rc != 0)
		snprintf(err, err_size, "cannot refuse more system calls: %s", strerror(-rc));
	return rc;
}

void confine_list(FILE *to)
{
	fprintf(to, "| system call | while the plugin is loaded | afterwards |\n|---|---|---|\n");
	for (size_t i = 0; i < N_RULES; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, rules[i].call);
		const char *when = rules[i].when != NULL ? rules[i].when : "yes";

		fprintf(to, "| `%s` | %s | %s |\n", name != NULL ? name : "?", when,
			rules[i].loading_only ? "no" : when);
		free(name);
	}
}
