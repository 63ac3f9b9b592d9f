/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs inside a sandbox and says what it finds there, a line each, for test_sandbox.
 *
 * usage: sandbox_probe look|calls|threads|memory|load|wait
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <confine.h>

#define SOCK  3
#define TASKS 4

static void list(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[512];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
			 e->d_name);
		if (e->d_type == DT_DIR)
			list(path);
		else
			printf("file %s\n", path);
		if (access(path, W_OK) == 0)
			printf("WRITABLE %s\n", path);
	}
	if (d != NULL)
		closedir(d);
}

static void look(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2] = {{0}};
	struct if_nameindex *names = if_nameindex();
	struct rlimit core, files, size;
	cpu_set_t cpus;

	list("/");
	printf("create %s\n", open("/new", O_CREAT | O_WRONLY, 0600) < 0 ? strerror(errno) : "ok");
	syscall(SYS_capget, &head, caps);
	printf("caps %x\n", caps[0].effective | caps[0].permitted | caps[0].inheritable |
				    caps[1].effective | caps[1].permitted | caps[1].inheritable);
	printf("user %u %u pid %d\n", getuid(), getgid(), getpid());
	printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	for (struct if_nameindex *i = names; i != NULL && i->if_index != 0; i++)
		printf("interface %s\n", i->if_name);
	if_freenameindex(names);
	getrlimit(RLIMIT_CORE, &core);
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_FSIZE, &size);
	printf("limits core %lu files %lu size %lu\n", core.rlim_max, files.rlim_max,
	       size.rlim_max);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("cpus %d\n", CPU_COUNT(&cpus));
	for (int fd = 0; fd < 64; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d\n", fd);
	}
}

static void say(const char *what, long rc)
{
	printf("%s: %s\n", what, rc >= 0 ? "done" : strerror(errno));
}

static void confined(void)
{
	const struct confine_params p = {.sock = SOCK, .tasks = TASKS};
	char err[256];

	if (confine_begin(&p, err, sizeof(err)) != 0) {
		printf("confine_begin: %s\n", err);
		exit(1);
	}
}

/* What a hostile plugin would begin with. */
static void try_calls(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char buf[8] = "x";
	struct iovec iov = {buf, 1};
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	say("malloc", malloc(1 << 20) != NULL ? 0 : -1);
	say("page", page != MAP_FAILED ? 0 : -1);
	say("own message", send(SOCK, "hello", 5, 0));
	say("open to write", open("/lib/x", O_WRONLY | O_CREAT, 0600));
	say("socket", socket(AF_UNIX, SOCK_STREAM, 0));
	say("connect", connect(SOCK, (struct sockaddr *)&un, sizeof(un)));
	say("sendto", sendto(SOCK, "x", 1, 0, (struct sockaddr *)&un, sizeof(un)));
	say("sendmsg", syscall(SYS_sendmsg, SOCK, NULL, 0));
	say("write to the socket", write(SOCK, "x", 1));
	say("ptrace", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
	say("read memory", process_vm_readv(1, &iov, 1, &iov, 1, 0));
	say("kill", kill(1, 0));
	say("kill all", kill(-1, SIGKILL));
	say("tgkill another", syscall(SYS_tgkill, 1, 1, 0));
	say("tgkill itself", syscall(SYS_tgkill, getpid(), getpid(), 0));
	say("SIGKILL to itself", syscall(SYS_tgkill, getpid(), getpid(), SIGKILL));
	say("SIGTERM to itself", syscall(SYS_tgkill, getpid(), getpid(), SIGTERM));
	say("exit as if killed", syscall(SYS_exit_group, 128 + SIGKILL));
	say("fork", fork());
	say("vfork by clone", syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0));
	say("namespace by clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	say("clone3", syscall(SYS_clone3, buf, 8));
	say("unshare", unshare(CLONE_NEWUSER));
	say("exec", execl("/engine", "engine", NULL));
	say("mount", syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL));
	say("memfd", memfd_create("x", 0));
	say("shared memory", syscall(SYS_shmget, 0, 4096, 01600));
	say("bpf", syscall(SYS_bpf, 0, NULL, 0));
	say("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	say("io_uring", syscall(SYS_io_uring_setup, 1, buf));
	say("userfaultfd", syscall(SYS_userfaultfd, 0));
	say("affinity", syscall(SYS_sched_setaffinity, 0, 8, page));
	say("real time", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, page));
	say("limits", syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, page, NULL));
	say("dumpable", prctl(PR_SET_DUMPABLE, 1));
	say("seals", fcntl(SOCK, F_ADD_SEALS, 0));
	say("writable code", mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED
				     ? 0
				     : -1);
	say("code made of data", mprotect(page, 4096, PROT_READ | PROT_EXEC));
	say("shared map",
	    mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : -1);
	say("huge pages", mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
			       -1, 0) != MAP_FAILED
				  ? 0
				  : -1);
	say("hole", madvise(page, 4096, MADV_REMOVE));
}

static void load(void)
{
	char err[256];

	confined();
	if (dlopen("/vr/pdp_vr_relay.so", RTLD_NOW) == NULL)
		printf("%s\n", dlerror());
	else
		printf("plugin: done\n");
	say("finish", confine_finish(err, sizeof(err)));
	errno = 0;
	say("open", open("/lib/libc.so.6", O_RDONLY));
	say("code", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
				    MAP_FAILED
			    ? 0
			    : -1);
	say("seccomp", syscall(SYS_seccomp, 1, 1, NULL));
	say("malloc", malloc(1 << 20) != NULL ? 0 : -1);
}

static void *sleeper(void *arg)
{
	pause();
	return NULL;
}

static void threads(void)
{
	unsigned int n = 0;
	pthread_t t;

	confined();
	while (n < 1000 && pthread_create(&t, NULL, sleeper, NULL) == 0)
		n++;
	printf("threads %u\n", n);
}

static void memory(void)
{
	unsigned int mb = 0;
	volatile char *p; /* else a compiler leaves it all out */

	confined();
	for (; mb < 4096 && (p = malloc(1 << 20)) != NULL; mb++) {
		for (int at = 0; at < 1 << 20; at += 4096)
			p[at] = 1;
	}
	printf("memory %u\n", mb);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(what, "look") == 0)
		look();
	else if (strcmp(what, "calls") == 0)
		confined(), try_calls();
	else if (strcmp(what, "load") == 0)
		load();
	else if (strcmp(what, "threads") == 0)
		threads();
	else if (strcmp(what, "memory") == 0)
		memory();
	send(SOCK, what, strlen(what), 0);
	if (strcmp(what, "wait") == 0)
		pause();
	if (strcmp(what, "abort") == 0)
		abort();
	/* Threads that sleep do not keep it. */
	fflush(stdout);
	syscall(SYS_exit_group, 7);
}
