/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory and the process of a sealed engine. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pdp_sealed_md.h>

#include "engine_priv.h"
#include "sandbox.h"

#define L2_MAX 22 /* bytes of layer 2 beside the MTU: Ethernet header and two VLAN tags */

bool engine_sealed(const struct engine *e)
{
	return e->all->p.vrs[e->vr].sealed;
}

static struct pdp_sealed_shape shape_of(const struct engine *e)
{
	const struct pdp_engines_vr *vr = &e->all->p.vrs[e->vr];
	struct pdp_sealed_shape s = {
		.n_md = e->all->p.n_md, .n_slots = vr->slots, .n_blanks = vr->blanks};

	for (unsigned int i = 0; i < vr->n_vifs; i++)
		s.room = RTE_MAX(s.room, vr->vifs[i].mtu + (uint32_t)L2_MAX);
	s.window = vr->window != 0 ? RTE_MIN(vr->window, s.room) : s.room;
	return s;
}

static int no_memory(int rc, size_t size, char *err, size_t err_size)
{
	snprintf(err, err_size, "no %zu KiB of memory for its packets and rings: %s", size >> 10,
		 strerror(-rc));
	return rc;
}

int sealed_region_make(struct engine *e, const struct pdp_region_params *rp, char *err,
		       size_t err_size)
{
	const struct pdp_sealed_shape shape = shape_of(e);
	const size_t size = pdp_region_size(rp), packets_size = pdp_sealed_size(&shape);
	int rc = sealed_memory_make(&e->region_mem, "pdp-region", size);

	if (rc != 0)
		return no_memory(rc, size, err, err_size);
	rc = sealed_memory_make(&e->packets_mem, "pdp-packets", packets_size);
	if (rc != 0)
		return no_memory(rc, packets_size, err, err_size);
	rc = region_open(e, e->region_mem.mem, rp, e->region_mem.mem);
	for (unsigned int i = 0; i < rp->n_md && rc == 0; i++)
		rc = pdp_sealed_open(e->chans[i], &shape, i, e->packets_mem.mem);
	return rc != 0 ? no_memory(rc, packets_size, err, err_size) : 0;
}

/* @return the engine's end of its socket, or -errno */
static int make_sockets(struct engine *e)
{
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	rc = sandbox_identify(pair[0]);
	if (rc == 0)
		rc = join_expect(e, pair[0]);
	if (rc == 0)
		return pair[1];
	close(pair[0]);
	close(pair[1]);
	return rc;
}

int sealed_spawn(struct engine *e, char *err, size_t err_size)
{
	int sock = make_sockets(e), rc;

	if (sock < 0) {
		snprintf(err, err_size, "no socket for it: %s", strerror(-sock));
		return sock;
	}
	rc = box_start(e, sock, err, err_size);
	close(sock);
	return rc;
}

void sealed_mapped(struct engine *e)
{
	int rc = sealed_memory_close(&e->region_mem);

	if (rc == 0)
		rc = sealed_memory_close(&e->packets_mem);
	if (rc == 0) {
		engine_command(e, PDP_CMD_SEALED);
		return;
	}
	engine_failed(e, "its memory cannot be sealed; is the kernel older than 5.1?");
	engine_kill(e);
}
