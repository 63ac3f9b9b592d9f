/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a primary leaves behind, removed: by itself at its end, what EAL leaves (hugepage files,
 * whose memory stays taken, and files of its runtime folder); by the next one of its file prefix
 * before it starts EAL, if it was killed: engines and control groups first, then the same files,
 * then sockets of its ports. Whatever of that was removed already, for this may be cut short by
 * kill -9 too, is not missed. Main thread.
 *
 * Not here, because it is not left over: namespaces and persistent TAPs, which the next primary
 * takes over as they are, so that routing programs in them notice nothing.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <pdp_engine_old.h>

#include "node.h"

#define END_OLD_MS 5000

/* Files of a folder that `mine` says are ours. @return bytes of those removed */
static uint64_t remove_files(const char *dir, bool (*mine)(const char *dir, const char *name))
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	uint64_t bytes = 0;
	struct stat st;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (!mine(dir, entry->d_name) ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) == 0)
			bytes += (uint64_t)st.st_size;
	}
	if (d != NULL)
		closedir(d);
	return bytes;
}

/* Another DPDK program may own the prefix, and the files then. */
static bool is_ours(const char *dir)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[200];
	bool ours;
	int fd;

	snprintf(path, sizeof(path), "%s/config", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return true;
	ours = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
	close(fd);
	return ours;
}

/* PREFIXmap_NUMBER */
static bool is_hugepage(const char *dir, const char *name)
{
	const size_t len = strlen(node.file_prefix);

	(void)dir;
	if (strncmp(name, node.file_prefix, len) != 0 || strncmp(name + len, "map_", 4) != 0)
		return false;
	name += len + 4;
	return *name != '\0' && name[strspn(name, "0123456789")] == '\0';
}

static uint64_t remove_hugepages(void)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	const struct mntent *m;
	uint64_t bytes = 0;

	while (mounts != NULL && (m = getmntent(mounts)) != NULL) {
		if (strcmp(m->mnt_type, "hugetlbfs") == 0)
			bytes += remove_files(m->mnt_dir, is_hugepage);
	}
	if (mounts != NULL)
		endmntent(mounts);
	return bytes;
}

static bool is_eal_file(const char *dir, const char *name)
{
	static const char *const starts[] = {"fbarray_", "mp_socket", "dpdk_telemetry"};

	(void)dir;
	for (size_t i = 0; i < RTE_DIM(starts); i++) {
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return strcmp(name, "config") == 0 || strcmp(name, "hugepage_info") == 0;
}

/* A socket's file whose process is gone. */
static bool is_dead_socket(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat st;
	bool dead;
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path) || lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* One of another type that lives says EPROTOTYPE. */
	dead = fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0 &&
	       errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return dead;
}

/* A program with --in-memory locks nothing, and may have its telemetry socket here. */
static bool is_dead_eal_file(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!is_eal_file(dir, name) || lstat(path, &st) != 0)
		return false;
	return !S_ISSOCK(st.st_mode) || is_dead_socket(path);
}

/* EAL's telemetry takes its socket away when the process ends, after everything here. */
static char last_dir[PATH_MAX];

static void remove_last_dir(void)
{
	rmdir(last_dir);
}

void leavings_at_exit(void)
{
	atexit(remove_last_dir);
}

void leavings_remove(void)
{
	const char *dir = rte_eal_get_runtime_dir();

	if (dir == NULL || dir[0] == '\0' || !is_ours(dir))
		return;
	/* Without hugepages nobody else has the folder's lock, and others may live in it. */
	if (!node.in_memory)
		remove_hugepages();
	remove_files(dir, node.in_memory ? is_dead_eal_file : is_eal_file);
	if (rmdir(dir) != 0)
		snprintf(last_dir, sizeof(last_dir), "%s", dir);
}

/* "net_vhost0,iface=/tmp/x": DPDK's drivers that listen do not start where a file is. */
static void remove_port_sockets(void)
{
	static const char *const keys[] = {",iface=", ",path=", ",socket="};

	for (unsigned int i = 0; i < node.n_vdevs; i++) {
		for (size_t k = 0; k < RTE_DIM(keys); k++) {
			const char *v = strstr(node.vdevs[i], keys[k]);
			char path[PATH_MAX];

			if (v == NULL)
				continue;
			v += strlen(keys[k]);
			snprintf(path, sizeof(path), "%.*s", (int)strcspn(v, ","), v);
			if (is_dead_socket(path))
				unlink(path);
		}
	}
}

/* Where EAL will keep its files. */
static int runtime_dir(char *out, size_t size)
{
	int rc = pdp_control_path(out, size, node.file_prefix);

	if (rc == 0)
		*strrchr(out, '/') = '\0';
	return rc;
}

int leavings_take(void)
{
	struct pdp_engines_old old;
	char dir[108], err[256];
	uint64_t bytes;

	if (runtime_dir(dir, sizeof(dir)) != 0)
		return complain(
			"the control socket's path is too long; use a shorter --file-prefix");
	if (pdp_engines_end_old(dir, node.file_prefix, END_OLD_MS, &old, err, sizeof(err)) != 0)
		return complain("%s", err);
	remove_port_sockets();
	/* If not, EAL will say so, or shares nothing with the other program. */
	if (!is_ours(dir))
		return 0;
	bytes = remove_hugepages();
	remove_files(dir, is_dead_eal_file);
	if (old.n_processes != 0 || bytes != 0)
		complain("the last primary of prefix \"%s\" was killed: %u engines of its ended, "
			 "%lu "
			 "MB of hugepages freed",
			 node.file_prefix, old.n_processes, (unsigned long)(bytes >> 20));
	return 0;
}
