/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memfds for sealed engines. Control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sealed.h"

int sealed_memory_make(struct sealed_memory *s, const char *name, size_t size)
{
	void *mem = MAP_FAILED;
	int rc;

	*s = (struct sealed_memory){.size = size};
	s->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->fd < 0)
		return -errno;
	/* Its size for good before anybody else sees it: what shrinks under a map kills who reads.
	 */
	if (ftruncate(s->fd, (off_t)size) == 0 &&
	    fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, s->fd, 0);
	if (mem != MAP_FAILED) {
		s->mem = mem;
		return 0;
	}
	rc = -errno;
	sealed_memory_free(s);
	return rc;
}

int sealed_memory_close(const struct sealed_memory *s)
{
	return fcntl(s->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0 ? 0 : -errno;
}

void sealed_memory_free(struct sealed_memory *s)
{
	if (s->mem != NULL)
		munmap(s->mem, s->size);
	if (s->fd > 0)
		close(s->fd);
	*s = (struct sealed_memory){.fd = -1};
}
