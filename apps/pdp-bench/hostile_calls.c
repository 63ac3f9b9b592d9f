/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hostile plugin's system calls: each is made, and what came of it is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "hostile.h"

#define SOCK	   3 /* to the primary */
#define FDS	   64
#define BOMB	   100000
#define STACK_SIZE 65536

/* A number that is nobody here: the init of the namespace, and 1 of the machine elsewhere. */
#define OTHER 1

void calls_trace(struct world *w)
{
	char byte = 0;
	struct iovec iov = {&byte, 1}, far = {w->region, 1};

	tell_call(w, "ptrace(PTRACE_SEIZE)", ptrace(PTRACE_SEIZE, OTHER, NULL, NULL));
	tell_call(w, "ptrace(PTRACE_TRACEME)", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	tell_call(w, "process_vm_readv", process_vm_readv(OTHER, &iov, 1, &far, 1, 0));
	tell_call(w, "process_vm_writev", process_vm_writev(OTHER, &iov, 1, &far, 1, 0));
	tell_call(w, "pidfd_getfd", syscall(SYS_pidfd_getfd, SOCK, 0, 0));
	tell_call(w, "perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	tell_call(w, "bpf", syscall(SYS_bpf, 0, NULL, 0));
	tell_call(w, "userfaultfd", syscall(SYS_userfaultfd, 0));
	tell_call(w, "kcmp", syscall(SYS_kcmp, OTHER, OTHER, 0, 0, 0));
}

void calls_kill(struct world *w)
{
	tell_call(w, "kill(1)", kill(OTHER, SIGKILL));
	tell_call(w, "kill(-1)", kill(-1, SIGKILL));
	tell_call(w, "tgkill", syscall(SYS_tgkill, OTHER, OTHER, SIGKILL));
	tell_call(w, "tkill", syscall(SYS_tkill, OTHER, SIGKILL));
	tell_call(w, "rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, OTHER, SIGKILL, NULL));
	tell_call(w, "pidfd_open", syscall(SYS_pidfd_open, OTHER, 0));
	tell_call(w, "setpriority", syscall(SYS_setpriority, 0, 0, -20));
	tell_call(w, "sched_setscheduler", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, NULL));
	tell_call(w, "sched_setaffinity", syscall(SYS_sched_setaffinity, 0, 0, NULL));
	tell_call(w, "reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
}

void calls_open(struct world *w)
{
	tell_call(w, "/proc/self/mem", open("/proc/self/mem", O_RDWR));
	tell_call(w, "/proc/self/maps", open("/proc/self/maps", O_RDONLY));
	tell_call(w, "/dev/mem", open("/dev/mem", O_RDWR));
	tell_call(w, "/etc/passwd", open("/etc/passwd", O_RDONLY));
	tell_call(w, "/dev/hugepages", open("/dev/hugepages", O_RDONLY));
	tell_call(w, "a file to write", open("/vr/new", O_WRONLY | O_CREAT, 0600));
	tell_call(w, "open", syscall(SYS_open, "/engine", O_RDONLY));
	tell_call(w, "openat2", syscall(SYS_openat2, AT_FDCWD, "/engine", NULL, 0));
	tell_call(w, "open_by_handle_at", syscall(SYS_open_by_handle_at, 0, NULL, O_RDONLY));
	tell_call(w, "memfd_create", syscall(SYS_memfd_create, "x", 0));
	tell_call(w, "mount", syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL));
	tell_call(w, "chroot", syscall(SYS_chroot, "/"));
	tell_call(w, "setuid", syscall(SYS_setuid, 0));
	tell_call(w, "io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
}

void calls_connect(struct world *w)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/pdp.sock"};
	struct msghdr msg = {0};

	tell_call(w, "socket(AF_UNIX)", socket(AF_UNIX, SOCK_STREAM, 0));
	tell_call(w, "socket(AF_INET)", socket(AF_INET, SOCK_STREAM, 0));
	tell_call(w, "socket(AF_NETLINK)", socket(AF_NETLINK, SOCK_RAW, 0));
	tell_call(w, "socket(AF_PACKET)", socket(AF_PACKET, SOCK_RAW, 0));
	tell_call(w, "socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}));
	tell_call(w, "connect", connect(SOCK, (struct sockaddr *)&un, sizeof(un)));
	tell_call(w, "sendto with an address",
		  sendto(SOCK, "x", 1, 0, (struct sockaddr *)&un, sizeof(un)));
	tell_call(w, "sendmsg", sendmsg(SOCK, &msg, 0));
	tell_call(w, "recvmsg", recvmsg(SOCK, &msg, MSG_DONTWAIT));
	tell_call(w, "unshare", syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET));
	tell_call(w, "setns", syscall(SYS_setns, SOCK, 0));
}

static void *spin(void *arg)
{
	(void)arg;
	for (volatile int on = 1; on;)
		;
	return NULL;
}

/* Threads are all that it can have, so each of them burns CPU time. */
static void bomb(struct world *w)
{
	unsigned int n = 0;
	pthread_attr_t attr;
	pthread_t t;
	int rc = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	while (n < BOMB && (rc = pthread_create(&t, &attr, spin, NULL)) == 0)
		n++;
	tell(w, "threads that spin: %u, then %s", n, strerrorname_np(rc));
}

/* A process of its own would be one that nobody counts, so it must not come to life. */
static long child(long pid)
{
	if (pid == 0)
		_exit(0);
	return pid;
}

void calls_fork(struct world *w)
{
	tell_call(w, "fork", child(syscall(SYS_fork)));
	tell_call(w, "clone", child(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0)));
	tell_call(w, "clone into a user namespace",
		  child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0)));
	tell_call(w, "clone3", syscall(SYS_clone3, NULL, 0));
	tell_call(w, "execve", syscall(SYS_execve, "/engine", NULL, NULL));
	bomb(w);
}

void calls_code(struct world *w)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tell_call(w, "mprotect of data to code", mprotect(page, 4096, PROT_READ | PROT_EXEC));
	tell_call(w, "mmap of writable code",
		  mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0) != MAP_FAILED
			  ? 0
			  : -1);
	tell_call(w, "seccomp, a filter of its own", syscall(SYS_seccomp, 1, 1, NULL));
	tell_call(w, "prctl(PR_SET_DUMPABLE)", syscall(SYS_prctl, 4, 1, 0, 0, 0));
	tell_call(w, "arch_prctl", syscall(SYS_arch_prctl, 0x1011, 1));
	tell_call(w, "modify_ldt", syscall(SYS_modify_ldt, 0, NULL, 0));
	tell_call(w, "iopl", syscall(SYS_iopl, 3));
	tell_call(w, "init_module", syscall(SYS_init_module, NULL, 0, ""));
}

/* Deaf, but not dumb. */
void calls_close(struct world *w)
{
	tell(w, "closes all descriptors");
	for (int fd = 0; fd < FDS; fd++)
		close(fd);
}
