/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader's mapping. Runs in engines, before the first packet; makes no call of DPDK. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fib_priv.h"

static int check(const struct pdp_fib_head *h, char *err, size_t err_size)
{
	if (__atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) != PDP_FIB_MAGIC) {
		snprintf(err, err_size,
			 "the file is not a PdP FIB; is the primary another program?");
		return -EPROTO;
	}
	if (h->layout != PDP_FIB_LAYOUT || h->size != sizeof(*h) || h->map_size != FIB_MAP_SIZE) {
		snprintf(err, err_size,
			 "the primary lays the FIB out as version %u (%u bytes of header), this "
			 "engine as version %u (%zu); use pdp-primary and pdp-engine of one build",
			 h->layout, h->size, PDP_FIB_LAYOUT, sizeof(*h));
		return -EPROTO;
	}
	return 0;
}

static int map_table(struct pdp_fib_reader *r, int fd, char *err, size_t err_size)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0) {
		rc = -errno;
		snprintf(err, err_size, "the FIB's descriptor is none: %s", strerror(-rc));
		return rc;
	}
	if (st.st_size < (off_t)sizeof(struct pdp_fib_head)) {
		snprintf(err, err_size, "the file is no PdP FIB: it is %lld bytes, too few",
			 (long long)st.st_size);
		return -EPROTO;
	}
	r->map = fib_map(fd, FIB_MAP_SIZE, PROT_READ);
	if (r->map == MAP_FAILED) {
		rc = -errno;
		r->map = NULL;
		snprintf(err, err_size, "cannot map the FIB: %s", strerror(-rc));
		return rc;
	}
	r->head = r->map;
	return check(r->head, err, err_size);
}

static int map_qs(struct pdp_fib_reader *r, int qs_fd, unsigned int index, char *err,
		  size_t err_size)
{
	int rc;

	r->qs = &r->own;
	if (qs_fd < 0)
		return 0;
	if (index >= PDP_FIB_READERS_MAX) {
		snprintf(err, err_size, "a FIB has at most %u readers, this is number %u",
			 PDP_FIB_READERS_MAX, index);
		return -EINVAL;
	}
	r->qs_map = mmap(NULL, FIB_QS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, qs_fd, 0);
	if (r->qs_map == MAP_FAILED) {
		rc = -errno;
		r->qs_map = NULL;
		snprintf(err, err_size, "cannot map the lines of the FIB's readers: %s",
			 strerror(-rc));
		return rc;
	}
	r->qs = (struct pdp_fib_qs *)r->qs_map + index;
	return 0;
}

static void set_pointers(struct pdp_fib_reader *r)
{
	const struct pdp_fib_head *h = r->head;
	const uint8_t *map = r->map;

	r->nexthops = (const struct pdp_fib_nexthop *)(map + h->nexthops_off);
	r->groups = (const uint16_t *)(map + h->groups_off);
	r->root4 = (const uint16_t *)(map + h->root4_off);
	r->plies4 = (const uint16_t *)(map + h->plies4_off);
	r->wide4 = (const uint16_t *)(map + h->wide4_off);
	r->wide_plies4 = (const uint16_t *)(map + h->wide_plies4_off);
	r->tables6[0].root = (const uint16_t *)(map + h->root6_off);
	r->tables6[1].root = (const uint16_t *)(map + h->wide_root6_off);
	for (unsigned int i = 0; i < PDP_FIB_ARENAS6; i++) {
		r->tables6[0].plies[i] = (const uint16_t *)(map + h->plies6_off);
		r->tables6[1].plies[i] = (const uint16_t *)(map + h->wide_plies6_off[i]);
	}
}

int pdp_fib_attach(struct pdp_fib_reader *r, int fd, int qs_fd, unsigned int index, char *err,
		   size_t err_size)
{
	int rc;

	memset(r, 0, sizeof(*r));
	rc = map_table(r, fd, err, err_size);
	if (rc == 0)
		rc = map_qs(r, qs_fd, index, err, err_size);
	if (rc != 0) {
		pdp_fib_detach(r);
		return rc;
	}
	set_pointers(r);
	return 0;
}

void pdp_fib_detach(struct pdp_fib_reader *r)
{
	if (r->qs_map != NULL) {
		pdp_fib_offline(r);
		munmap(r->qs_map, FIB_QS_SIZE);
	}
	if (r->map != NULL)
		munmap(r->map, FIB_MAP_SIZE);
	memset(r, 0, sizeof(*r));
}
