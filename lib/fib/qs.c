/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who reads, and what they have left behind: quiescent-state based reclamation, as DPDK's rte_rcu
 * does it, with one line for each engine in a page of its own that engines write.
 *
 * The writer tags what it unlinks with the next epoch, then begins that epoch. A reader that has
 * reported it, or is offline, cannot hold what was unlinked before. An engine that lies lets plies
 * be reused under its own feet, and those of its siblings: its own VR.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fib_priv.h"

int fib_qs_init(struct pdp_fib *fib)
{
	fib->epoch = 1;
	fib->head->epoch = 1;
	fib->qs = MAP_FAILED;
	fib->qs_fd = memfd_create("pdp-fib-readers", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fib->qs_fd < 0 || ftruncate(fib->qs_fd, FIB_QS_SIZE) != 0)
		return -errno;
	fib->qs = mmap(NULL, FIB_QS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fib->qs_fd, 0);
	if (fib->qs == MAP_FAILED ||
	    fcntl(fib->qs_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		return -errno;
	return 0;
}

void fib_qs_fini(struct pdp_fib *fib)
{
	if (fib->qs != NULL && fib->qs != MAP_FAILED)
		munmap(fib->qs, FIB_QS_SIZE);
	if (fib->qs_fd >= 0)
		close(fib->qs_fd);
}

uint64_t fib_rest_tag(struct pdp_fib *fib)
{
	fib->epoch_tagged = true;
	return fib->epoch + 1;
}

void fib_next_epoch(struct pdp_fib *fib)
{
	if (!fib->epoch_tagged)
		return;
	fib->epoch_tagged = false;
	fib->epoch++;
	/* Behind the stores that unlinked; pairs with the acquire load in pdp_fib_quiescent(). */
	__atomic_store_n(&fib->head->epoch, fib->epoch, __ATOMIC_RELEASE);
}

uint64_t fib_oldest(struct pdp_fib *fib)
{
	uint64_t oldest = UINT64_MAX;

	/* Pairs with the fence in pdp_fib_online(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint64_t left = fib->readers; left != 0; left &= left - 1) {
		const uint64_t *line = &fib->qs[__builtin_ctzll(left)].seen;
		const uint64_t seen = __atomic_load_n(line, __ATOMIC_ACQUIRE);

		if (seen != 0 && seen < oldest)
			oldest = seen;
	}
	return oldest;
}

void pdp_fib_reader_add(struct pdp_fib *fib, unsigned int index)
{
	assert(index < PDP_FIB_READERS_MAX);
	__atomic_store_n(&fib->qs[index].seen, 0, __ATOMIC_RELEASE);
	fib->readers |= UINT64_C(1) << index;
}

void pdp_fib_reader_remove(struct pdp_fib *fib, unsigned int index)
{
	assert(index < PDP_FIB_READERS_MAX);
	fib->readers &= ~(UINT64_C(1) << index);
}

void pdp_fib_reader_gone(struct pdp_fib *fib, unsigned int index)
{
	assert(index < PDP_FIB_READERS_MAX);
	__atomic_store_n(&fib->qs[index].seen, 0, __ATOMIC_RELEASE);
}
