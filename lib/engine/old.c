/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ends what a killed primary left running: the processes that it wrote down (notes.h), and those in
 * its control groups; then removes the groups. Main thread of the next primary, before EAL: memory
 * that one of them still maps is not free.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "notes.h"
#include "notes_priv.h"
#include "pdp_engine_old.h"

#define GROUP_TRIES 50 /* a process that ended leaves its group some us later */

struct old {
	const char *prefix;
	uint64_t deadline_ms;
	bool this_boot;
	struct pdp_engines_old *found;
	char *err;
	size_t err_size;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * Kill one and wait until it is gone. The descriptor comes first, then the look at its start time:
 * it cannot become another process in between.
 * @param start  0: whoever it is
 */
static int end_process(struct old *o, pid_t pid, unsigned long long start)
{
	struct pollfd p = {.events = POLLIN};
	int rc = 0;

	if (pid <= 1 || pid == getpid())
		return 0;
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0)
		return 0;
	if (start == 0 || start == notes_start_time(pid)) {
		const uint64_t now = now_ms();

		o->found->n_processes += poll(&p, 1, 0) == 0;
		syscall(SYS_pidfd_send_signal, p.fd, SIGKILL, NULL, 0);
		if (poll(&p, 1, now < o->deadline_ms ? (int)(o->deadline_ms - now) : 0) != 1) {
			snprintf(o->err, o->err_size,
				 "process %d of a primary that was killed does not end; look what "
				 "holds it (/proc/%d/stack), or use another --file-prefix",
				 pid, pid);
			rc = -EBUSY;
		}
	}
	close(p.fd);
	return rc;
}

static int end_members(struct old *o, const char *group)
{
	char path[PATH_MAX + 16];
	int pid, rc = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	f = fopen(path, "re");
	while (f != NULL && rc == 0 && fscanf(f, "%d", &pid) == 1)
		rc = end_process(o, pid, 0);
	if (f != NULL)
		fclose(f);
	return rc;
}

static void remove_group(struct old *o, const char *group)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int rc;

	for (unsigned int i = 0; (rc = rmdir(group)) != 0 && errno == EBUSY && i < GROUP_TRIES; i++)
		nanosleep(&pause, NULL);
	o->found->n_groups += rc == 0;
}

/* A group with all below it. */
static int end_group(struct old *o, const char *group)
{
	int rc = end_members(o, group);
	DIR *d = opendir(group);
	const struct dirent *entry;

	while (d != NULL && rc == 0 && (entry = readdir(d)) != NULL) {
		char path[PATH_MAX];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", group, entry->d_name) < (int)sizeof(path))
			rc = end_group(o, path);
	}
	if (d != NULL)
		closedir(d);
	if (rc == 0)
		remove_group(o, group);
	return rc;
}

/* Whatever the file says, only a node's own group is touched: .../pdp-PREFIX */
static bool is_node_group(const struct old *o, const char *path)
{
	const char *name = strrchr(path, '/');

	return path[0] == '/' && strstr(path, "/../") == NULL && name != NULL &&
	       strncmp(name, "/pdp-", 5) == 0 && strncmp(name + 5, o->prefix, 50) == 0;
}

static int end_line(struct old *o, char *line)
{
	unsigned long long start;
	char boot[NOTES_BOOT_ID];
	int pid;

	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, NOTES_HEAD " ", sizeof(NOTES_HEAD)) == 0)
		o->this_boot = notes_boot_id(boot) == 0 &&
			       strcmp(line + sizeof(NOTES_HEAD), boot) == 0;
	else if (!o->this_boot)
		return 0;
	else if (sscanf(line, "process %d %llu", &pid, &start) == 2 && start != 0)
		return end_process(o, pid, start);
	else if (strncmp(line, "group ", 6) == 0 && is_node_group(o, line + 6))
		return end_group(o, line + 6);
	return 0;
}

int pdp_engines_end_old(const char *runtime_dir, const char *prefix, unsigned int deadline_ms,
			struct pdp_engines_old *found, char *err, size_t err_size)
{
	struct old o = {.prefix = prefix,
			.deadline_ms = now_ms() + deadline_ms,
			.found = found,
			.err = err,
			.err_size = err_size};
	char path[PATH_MAX], line[PATH_MAX + 16];
	int fd, rc = 0;
	FILE *f;

	*found = (struct pdp_engines_old){0};
	snprintf(path, sizeof(path), "%s/" NOTES_FILE, runtime_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	f = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (f == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (rc == 0 && fgets(line, sizeof(line), f) != NULL)
		rc = end_line(&o, line);
	fclose(f);
	/* Not before all is gone: who is killed while it does this leaves the list to the next. */
	if (rc == 0)
		unlink(path);
	return rc;
}
