/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of control groups: a write is one command, and its errno is the answer. Control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shares_priv.h"

static int open_in(struct shares_dir group, const char *file, int flags)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", group.name, file);
	return openat(group.at, path, flags | O_CLOEXEC);
}

int shares_write(struct shares_dir group, const char *file, const char *format, ...)
{
	int fd = open_in(group, file, O_WRONLY), len, rc = 0;
	char text[64];
	va_list ap;

	if (fd < 0)
		return -errno;
	va_start(ap, format);
	len = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (write(fd, text, (size_t)len) != len)
		rc = -errno;
	close(fd);
	return rc;
}

int shares_read(struct shares_dir group, const char *file, char *out, size_t size)
{
	int fd = open_in(group, file, O_RDONLY);
	size_t used = 0;
	ssize_t n;

	out[0] = '\0';
	if (fd < 0)
		return -errno;
	while ((n = read(fd, out + used, size - 1 - used)) > 0)
		used += (size_t)n;
	out[used] = '\0';
	n = n < 0 ? -errno : 0;
	close(fd);
	return (int)n;
}

bool shares_has_word(const char *list, const char *separators, const char *word)
{
	const size_t len = strlen(word);

	while (*list != '\0') {
		size_t n = strcspn(list, separators);

		if (n == len && strncmp(list, word, len) == 0)
			return true;
		list += n;
		list += strspn(list, separators);
	}
	return false;
}
