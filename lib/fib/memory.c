/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of a FIB: one sealed memfd that the primary maps writable, and private tables.
 *
 * The file is mapped once in its full extent, but ends where nothing is yet, and is made longer as
 * the table grows: readers need no second mapping, and one that strays gets SIGBUS instead of
 * allocating pages (reading a hole of a memfd does). Large parts are put into huge pages before any
 * reader sees them; where the kernel has none (before 6.1, memory in pieces) pages are small.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fib_priv.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

void *fib_map(int fd, size_t size, int prot)
{
	const size_t room = size + FIB_HUGE;
	uint8_t *all, *at;

	/* Huge pages want the same alignment in the file and in memory. */
	all = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return MAP_FAILED;
	at = (uint8_t *)(((uintptr_t)all + FIB_HUGE - 1) & ~(uintptr_t)(FIB_HUGE - 1));
	if (at > all)
		munmap(all, (size_t)(at - all));
	if (at + size < all + room)
		munmap(at + size, (size_t)(all + room - (at + size)));
	if (mmap(at, size, prot,
		 fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED : MAP_SHARED | MAP_FIXED, fd,
		 0) == MAP_FAILED) {
		munmap(at, size);
		return MAP_FAILED;
	}
	return at;
}

static int reopen_read_only(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int fib_mem_create(struct fib_mem *m, const struct pdp_fib_params *params)
{
	char name[64];
	int rc;

	m->max_bytes = params->max_bytes != 0 ? params->max_bytes : UINT64_MAX;
	m->huge = !params->no_huge;
	m->map = MAP_FAILED;
	m->read_fd = -1;
	snprintf(name, sizeof(name), "pdp-fib-%s", params->name);
	m->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->fd < 0)
		return -errno;
	m->map = fib_map(m->fd, FIB_MAP_SIZE, PROT_READ | PROT_WRITE);
	m->read_fd = reopen_read_only(m->fd);
	/* Our mapping stays writable; nobody can make another one, or cut the file off under us. */
	if (m->map != MAP_FAILED && m->read_fd >= 0 &&
	    fcntl(m->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
		return 0;
	rc = -errno;
	fib_mem_destroy(m);
	return rc;
}

void fib_mem_destroy(struct fib_mem *m)
{
	if (m->map != MAP_FAILED)
		munmap(m->map, FIB_MAP_SIZE);
	if (m->read_fd >= 0)
		close(m->read_fd);
	if (m->fd >= 0)
		close(m->fd);
}

/* Best effort: what fails stays as small pages. Holes alone cannot be collapsed, one page can. */
static void make_huge(struct fib_mem *m, uint64_t off, uint64_t size)
{
	for (uint64_t at = off; at < off + size; at += FIB_HUGE) {
		if (fallocate(m->fd, 0, (off_t)at, 4096) != 0 ||
		    fallocate(m->fd, 0, (off_t)(at + FIB_HUGE - 4096), 4096) != 0)
			return;
		if (madvise(m->map + at, FIB_HUGE, MADV_COLLAPSE) == 0)
			m->huge_bytes += FIB_HUGE;
	}
}

int fib_mem_extend(struct fib_mem *m, uint64_t off, uint64_t size)
{
	struct stat st;

	if (m->bytes + size > m->max_bytes)
		return -ENOSPC;
	if (m->huge && (off | size) % FIB_HUGE == 0)
		make_huge(m, off, size);
	if (fallocate(m->fd, 0, (off_t)off, (off_t)size) != 0)
		return -ENOSPC;
	if (fstat(m->fd, &st) == 0)
		m->bytes = (uint64_t)st.st_blocks * 512;
	return 0;
}

void *fib_alloc(size_t size)
{
	void *at;

	if (size < FIB_HUGE)
		return calloc(1, size);
	at = fib_map(-1, size, PROT_READ | PROT_WRITE);
	if (at == MAP_FAILED)
		return NULL;
	madvise(at, size, MADV_HUGEPAGE);
	return at;
}

void fib_free(void *at, size_t size)
{
	if (size < FIB_HUGE)
		free(at);
	else if (at != NULL)
		munmap(at, size);
}
