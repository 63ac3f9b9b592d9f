/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Removes what EAL leaves behind when a primary ends: hugepage files, whose memory stays taken
 * until somebody removes them, and the files of its runtime folder. Main thread, after
 * rte_eal_cleanup() or an EAL that did not start.
 */
#include <fcntl.h>
#include <glob.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>

#include "node.h"

/* Another DPDK program may own the prefix: EAL did not start because of it, and the files are its.
 */
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

static void remove_all(const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		unlink(found.gl_pathv[i]);
	globfree(&found);
}

static void remove_hugepages(void)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	const struct mntent *m;
	char pattern[512];

	while (mounts != NULL && (m = getmntent(mounts)) != NULL) {
		if (strcmp(m->mnt_type, "hugetlbfs") != 0)
			continue;
		snprintf(pattern, sizeof(pattern), "%s/%smap_*", m->mnt_dir, node.file_prefix);
		remove_all(pattern);
	}
	if (mounts != NULL)
		endmntent(mounts);
}

void leavings_remove(void)
{
	static const char *const names[] = {"config", "hugepage_info", "fbarray_*", "mp_socket*",
					    "dpdk_telemetry*"};
	const char *dir = rte_eal_get_runtime_dir();
	char pattern[512];

	if (node.in_memory || dir == NULL || dir[0] == '\0' || !is_ours(dir))
		return;
	remove_hugepages();
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		snprintf(pattern, sizeof(pattern), "%s/%s", dir, names[i]);
		remove_all(pattern);
	}
	rmdir(dir);
}
