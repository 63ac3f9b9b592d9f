/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes down what the next primary has to end if this one is killed (notes.h). Control thread.
 */
#include "notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "notes_priv.h"

int notes_boot_id(char out[NOTES_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, NOTES_BOOT_ID - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -ENOENT;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

unsigned long long notes_start_time(pid_t pid)
{
	unsigned long long start = 0;
	char path[64], line[1024];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	/* The second field is the program's name, in brackets, and may hold anything; the start is
	 * the 22nd. */
	at = strrchr(line, ')');
	for (unsigned int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL || sscanf(at, " %llu", &start) != 1)
		return 0;
	return start;
}

/* One write, so that whoever is killed leaves the line whole or not at all. */
static void write_line(struct notes *n, off_t *at, const char *line, size_t size)
{
	if (n->fd < 0)
		return;
	if (*at == 0)
		*at = lseek(n->fd, 0, SEEK_END);
	if (*at < 0 || pwrite(n->fd, line, size, *at) != (ssize_t)size)
		*at = 0;
}

int notes_open(struct notes *n, const char *dir)
{
	char boot[NOTES_BOOT_ID], line[128];
	int rc = notes_boot_id(boot), len;

	n->fd = -1;
	if (rc != 0)
		return rc;
	snprintf(n->path, sizeof(n->path), "%s/" NOTES_FILE, dir);
	n->fd = open(n->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (n->fd < 0)
		return -errno;
	len = snprintf(line, sizeof(line), NOTES_HEAD " %s\n", boot);
	return write(n->fd, line, (size_t)len) == len ? 0 : -EIO;
}

void notes_close(struct notes *n)
{
	if (n->fd < 0)
		return;
	unlink(n->path);
	close(n->fd);
	n->fd = -1;
}

void notes_process(struct notes *n, off_t *at, pid_t pid)
{
	unsigned long long start = pid != 0 ? notes_start_time(pid) : 0;
	char line[64];
	int len;

	if (n->fd < 0 || (pid == 0 && *at == 0))
		return;
	/* All of one length: they are overwritten. */
	len = snprintf(line, sizeof(line), "process %10d %20llu\n", pid, start);
	write_line(n, at, line, (size_t)len);
}

void notes_group(struct notes *n, const char *path)
{
	char line[PATH_MAX + 16];
	int len = snprintf(line, sizeof(line), "group %s\n", path);
	off_t at = 0;

	if (len > 0 && (size_t)len < sizeof(line))
		write_line(n, &at, line, (size_t)len);
}
