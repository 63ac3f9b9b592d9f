/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sealed engine gives up before it loads its plugin: process limits of its own, and every
 * system call but those that a loop over mapped memory, malloc, threads and the dynamic loader
 * make. What is refused fails with EPERM (clone3 with ENOSYS, so that libc takes clone); nothing is
 * ended for it. A filter cannot be taken off, and threads have it too.
 *
 *   confine_begin()   after everything is mapped and sealed, before dlopen(): constructors run
 *                     under it
 *   confine_finish()  after init(): no more files and no more code, for threads of the plugin too
 *
 * Thread: the engine's only one, in confine_begin().
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <stddef.h>
#include <stdio.h>

/** What the engine still needs to reach. */
struct confine_params {
	int sock;	    /**< messages are sent and received here, and nowhere else */
	unsigned int tasks; /**< threads of this engine at most; 0: as it is */
};

/**
 * Give up what the plugin must not have.
 * @param err  out, on failure: a sentence
 * @return 0 or -errno: ENOSYS or EINVAL (the kernel has no seccomp filters), ENOMEM
 */
int confine_begin(const struct confine_params *p, char *err, size_t err_size);

/** Give up what only loading took: opening files, mapping code. @return as confine_begin() */
int confine_finish(char *err, size_t err_size);

/** Write the list of system calls, a Markdown table: call, allowed while loading, and later. */
void confine_list(FILE *to);

#endif /* CONFINE_H */
