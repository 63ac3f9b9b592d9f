/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding, making and leaving network namespaces. Slow: threads are made, files are mounted; for
 * start, stop and repair only.
 */
#include "pdp_netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NETNS_DIR "/run/netns"	   /* of ip-netns(8) */
#define MARKS_DIR "/run/pdp-netns" /* NAME holds the inode of the namespace that PdP made */
#define PATH_SIZE 192

struct pdp_netns {
	char spec[128];
	char path[PATH_SIZE];
	const char *name; /* NULL: given by path or process */
	int fd;
	bool is_own;
	bool is_new;
};

struct job {
	int (*fn)(void *arg);
	void *arg;
	int fd; /* namespace to enter, or -1 */
	int rc;
};

static void *job_main(void *arg)
{
	struct job *j = arg;

	if (j->fd >= 0 && setns(j->fd, CLONE_NEWNET) != 0)
		j->rc = -errno;
	else
		j->rc = j->fn(j->arg);
	return NULL;
}

static int run_job(int fd, int (*fn)(void *arg), void *arg)
{
	struct job j = {.fn = fn, .arg = arg, .fd = fd};
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, job_main, &j);

	if (rc != 0)
		return -rc;
	pthread_join(thread, NULL);
	return j.rc;
}

int pdp_netns_run(const struct pdp_netns *ns, int (*fn)(void *arg), void *arg)
{
	return run_job(ns->fd, fn, arg);
}

/* Whether the folder of named namespaces is a copy that only receives mounts, as below `ip netns
 * exec`: a name made here would be nobody else's. */
static bool mounts_stay_here(void)
{
	FILE *f = fopen("/proc/thread-self/mountinfo", "re");
	char line[1024];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, " " NETNS_DIR " ") != NULL && strstr(line, " master:") != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	const char *end;
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	end = fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')') : NULL;
	fclose(f);
	return end != NULL && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* The nearest ancestor's mount namespace that is not ours: where `ip netns exec` was called. */
static int open_outer_mounts(void)
{
	struct stat mine, there;
	char path[64];

	if (stat("/proc/thread-self/ns/mnt", &mine) != 0)
		return -1;
	for (pid_t pid = getppid(); pid > 0; pid = parent_of(pid)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
		if (stat(path, &there) == 0 && there.st_ino != mine.st_ino)
			return open(path, O_RDONLY | O_CLOEXEC);
	}
	return -1;
}

/* The rest of this thread's life is where names are everybody's. Where that may not be, the name is
 * at least the primary's own. */
static void enter_outer_mounts(void)
{
	int fd = mounts_stay_here() ? open_outer_mounts() : -1;

	if (fd < 0)
		return;
	if (unshare(CLONE_FS) == 0 && setns(fd, CLONE_NEWNS) != 0)
		errno = 0;
	close(fd);
}

static bool is_netns(int fd)
{
	return ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/* @return 0, or -errno; -ENOTTY: it is something else */
static int open_path(struct pdp_netns *ns)
{
	int fd = open(ns->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!is_netns(fd)) {
		close(fd);
		return -ENOTTY;
	}
	ns->fd = fd;
	return 0;
}

static void mark_path(const struct pdp_netns *ns, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, MARKS_DIR "/%s", ns->name);
}

static bool has_mark(const struct pdp_netns *ns)
{
	char path[PATH_SIZE];
	uintmax_t ino = 0;
	struct stat st;
	FILE *f;
	bool same;

	mark_path(ns, path);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	same = fscanf(f, "%" SCNuMAX, &ino) == 1 && fstat(ns->fd, &st) == 0 && st.st_ino == ino;
	fclose(f);
	return same;
}

/* Marks of namespaces that somebody else deleted. Whoever makes one makes its name first. */
static void sweep_marks(void)
{
	DIR *dir = opendir(MARKS_DIR);
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		char name[sizeof(NETNS_DIR) + sizeof(d->d_name)];

		snprintf(name, sizeof(name), NETNS_DIR "/%s", d->d_name);
		if (d->d_type == DT_REG && access(name, F_OK) != 0 && errno == ENOENT)
			unlinkat(dirfd(dir), d->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

static int set_mark(const struct pdp_netns *ns)
{
	char path[PATH_SIZE];
	struct stat st;
	FILE *f;

	if (mkdir(MARKS_DIR, 0755) != 0 && errno != EEXIST)
		return -errno;
	sweep_marks();
	mark_path(ns, path);
	f = fstat(ns->fd, &st) == 0 ? fopen(path, "we") : NULL;
	if (f == NULL)
		return -errno;
	fprintf(f, "%" PRIuMAX "\n", (uintmax_t)st.st_ino);
	return fclose(f) == 0 ? 0 : -errno;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -EIO : 0;
}

/* A router's: what PdP punts because its next hop's MAC is not known yet is forwarded by the
 * kernel. */
static int furnish(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (s < 0)
		return -errno;
	rc = ioctl(s, SIOCSIFFLAGS, &ifr) == 0 ? 0 : -errno;
	close(s);
	if (rc == 0)
		rc = write_file("/proc/sys/net/ipv4/ip_forward", "1");
	/* A kernel without IPv6 has no such file. */
	if (rc == 0)
		write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	return rc;
}

/* The folder has to be a mount point of its own that is shared, or names would stay here. */
static int make_folder(void)
{
	if (mkdir(NETNS_DIR, 0755) != 0 && errno != EEXIST)
		return -errno;
	if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL || mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) != 0 ||
	    mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) != 0)
		return -errno;
	return 0;
}

/* This thread enters a new namespace, and gives it its name. */
static int make(struct pdp_netns *ns)
{
	int rc = make_folder(), fd;

	if (rc != 0)
		return rc;
	fd = open(ns->path, O_RDONLY | O_CREAT | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	close(fd);
	if (unshare(CLONE_NEWNET) != 0) {
		rc = -errno;
		goto unlink;
	}
	rc = furnish();
	if (rc != 0)
		goto unlink;
	if (mount("/proc/thread-self/ns/net", ns->path, "none", MS_BIND, NULL) != 0) {
		rc = -errno;
		goto unlink;
	}
	rc = open_path(ns);
	if (rc == 0)
		rc = set_mark(ns);
	ns->is_own = ns->is_new = true;
	if (rc == 0)
		return 0;
	umount2(ns->path, MNT_DETACH);
unlink:
	unlink(ns->path);
	return rc;
}

static int open_named(void *arg)
{
	struct pdp_netns *ns = arg;
	int rc;

	enter_outer_mounts();
	rc = open_path(ns);
	/* A plain file is what is left of a name whose namespace is gone. */
	if (rc == -ENOENT || rc == -ENOTTY)
		return make(ns);
	if (rc == 0)
		ns->is_own = has_mark(ns);
	return rc;
}

static void say(const struct pdp_netns *ns, int rc, char *err, size_t err_size)
{
	if (rc == -ENOTTY)
		snprintf(err, err_size, "%s is no network namespace; name one as in /run/netns",
			 ns->path);
	else if (rc == -ENOENT && ns->name == NULL)
		snprintf(err, err_size,
			 "there is no namespace %s (%s); start what it belongs to first, or give a "
			 "name, which is made",
			 ns->spec, ns->path);
	else if (rc == -EPERM || rc == -EACCES)
		snprintf(err, err_size,
			 "namespace %s may not be used or made here; run as root, with "
			 "CAP_SYS_ADMIN and CAP_NET_ADMIN",
			 ns->spec);
	else
		snprintf(err, err_size, "namespace %s: %s", ns->spec, strerror(-rc));
}

struct pdp_netns *pdp_netns_open(const char *spec, char *err, size_t err_size)
{
	struct pdp_netns *ns = calloc(1, sizeof(*ns));
	int rc;

	if (ns == NULL) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	ns->fd = -1;
	snprintf(ns->spec, sizeof(ns->spec), "%s", spec);
	if (spec[0] == '/') {
		snprintf(ns->path, sizeof(ns->path), "%s", ns->spec);
		rc = open_path(ns);
	} else if (strncmp(spec, "pid:", 4) == 0) {
		snprintf(ns->path, sizeof(ns->path), "/proc/%s/ns/net", ns->spec + 4);
		rc = open_path(ns);
	} else {
		ns->name = ns->spec;
		snprintf(ns->path, sizeof(ns->path), NETNS_DIR "/%s", ns->name);
		rc = run_job(-1, open_named, ns);
	}
	if (rc == 0)
		return ns;
	say(ns, rc, err, err_size);
	pdp_netns_close(ns);
	errno = -rc;
	return NULL;
}

void pdp_netns_close(struct pdp_netns *ns)
{
	if (ns == NULL)
		return;
	if (ns->fd >= 0)
		close(ns->fd);
	free(ns);
}

static int remove_name(void *arg)
{
	struct pdp_netns *ns = arg;
	char mark[PATH_SIZE];

	enter_outer_mounts();
	mark_path(ns, mark);
	unlink(mark);
	if (pdp_netns_check(ns) != 0)
		return 0;
	if (umount2(ns->path, MNT_DETACH) != 0 || unlink(ns->path) != 0)
		return -errno;
	return 0;
}

int pdp_netns_remove(struct pdp_netns *ns)
{
	return ns->is_own ? run_job(-1, remove_name, ns) : 0;
}

int pdp_netns_fd(const struct pdp_netns *ns)
{
	return ns->fd;
}

bool pdp_netns_is_own(const struct pdp_netns *ns)
{
	return ns->is_own;
}

bool pdp_netns_is_new(const struct pdp_netns *ns)
{
	return ns->is_new;
}

int pdp_netns_check(const struct pdp_netns *ns)
{
	struct stat there, here;

	if (stat(ns->path, &there) != 0 || fstat(ns->fd, &here) != 0)
		return -ENOENT;
	if (there.st_dev == here.st_dev && there.st_ino == here.st_ino)
		return 0;
	/* The plain file below a mount that is gone. */
	return S_ISREG(there.st_mode) && there.st_dev != here.st_dev ? -ENOENT : -ESTALE;
}
