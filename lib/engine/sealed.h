/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that the primary shares with one sealed engine: two memfds, in no folder, mapped and
 * present from the start. Their size is fixed when they are made; once the engine has mapped them
 * nobody can map them for writing again, nor punch holes, nor take seals off. Control thread.
 */
#ifndef SEALED_H
#define SEALED_H

#include <stddef.h>

struct sealed_memory {
	int fd; /* -1: none */
	size_t size;
	void *mem;
};

/* @param name for /proc; @return 0, -errno. Owner: caller, sealed_memory_free() */
int sealed_memory_make(struct sealed_memory *s, const char *name, size_t size);

/* The other side has mapped it. @return 0, -errno: EPERM (done before) */
int sealed_memory_close(const struct sealed_memory *s);

/* Of one that was not made, too. */
void sealed_memory_free(struct sealed_memory *s);

#endif /* SEALED_H */
