/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of matches under construction, and the classification of one frame, for the tests of the
 * classifier. No EAL: an mbuf is a structure on the stack, its bytes an allocation of exactly the
 * frame's length, so that ASan sees each byte read too many.
 */
#ifndef TEST_CLS_H
#define TEST_CLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include <pdp_classify.h>

#include "pkt.h"

#define CLS_MAX 4096

struct cls {
	struct pdp_vif_conf confs[CLS_MAX];
	struct pdp_prefix prefixes[CLS_MAX];
	struct pdp_match matches[CLS_MAX];
	unsigned int n;
	unsigned int other[2];
	char err[160];
};

/* Adds a vif to be changed. @return its configuration; its number is the count before */
static inline struct pdp_vif_conf *cls_add(struct cls *c, enum pdp_vif_kind kind,
					   enum pdp_vif_carrier carrier, int family)
{
	assert_true(c->n < CLS_MAX);
	c->confs[c->n] = pkt_conf(kind, carrier, family);
	c->matches[c->n] = (struct pdp_match){.conf = &c->confs[c->n]};
	return &c->confs[c->n++];
}

static inline void cls_add_prefix(struct cls *c, enum pdp_vif_kind kind, struct pdp_ip addr,
				  uint8_t len)
{
	unsigned int i = c->n;

	cls_add(c, kind, PDP_CARRIER_RAW, 4);
	c->prefixes[i] = (struct pdp_prefix){.addr = addr, .len = len};
	c->matches[i].prefixes = &c->prefixes[i];
	c->matches[i].n_prefixes = 1;
}

static inline struct pdp_classifier *cls_create(struct cls *c)
{
	return pdp_classifier_create(c->matches, c->n, c->err, sizeof(c->err), c->other);
}

static inline uint32_t cls_bytes(const struct pdp_classifier *cls, uint16_t port,
				 const uint8_t *bytes, uint16_t len)
{
	struct rte_mbuf *mbuf = calloc(1, sizeof(*mbuf));
	uint8_t *copy = malloc(len);
	uint32_t result = 0;

	if (len > 0)
		memcpy(copy, bytes, len);
	mbuf->buf_addr = copy;
	mbuf->data_len = len;
	mbuf->pkt_len = len;
	pdp_classify_burst(cls, port, &mbuf, 1, &result);
	free(copy);
	free(mbuf);
	return result;
}

static inline uint32_t cls_pkt(const struct pdp_classifier *cls, uint16_t port, struct pkt *p)
{
	return cls_bytes(cls, port, pkt_data(p), p->len);
}

#define assert_gid(result, gid)	  assert_int_equal(pdp_classify_gid(result), gid)
#define assert_off(result, off)	  assert_int_equal(pdp_classify_inner_off(result), off)
#define assert_drop(result, drop) assert_int_equal(pdp_classify_gid(result), PDP_GID_DROP + (drop))

#endif /* TEST_CLS_H */
