/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of plies, next hops and groups. What readers may still look at rests, in the order in
 * which it was freed, until the oldest of them has moved on; nobody waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "fib_priv.h"

int fib_pool_init(struct fib_pool *p, uint32_t first, uint32_t n_max)
{
	*p = (struct fib_pool){.first = first,
			       .n_max = n_max,
			       .n_touched = first,
			       .free_head = n_max,
			       .rest_head = n_max,
			       .rest_tail = n_max};
	/* Touched as numbers are: a small FIB pays for few pages. */
	p->next = calloc(n_max, sizeof(*p->next));
	p->tags = calloc(n_max, sizeof(*p->tags));
	return p->next != NULL && p->tags != NULL ? 0 : -ENOMEM;
}

void fib_pool_fini(struct fib_pool *p)
{
	free(p->next);
	free(p->tags);
}

int fib_pool_take_freed(struct fib_pool *p)
{
	const uint32_t number = p->free_head;

	if (number == p->n_max)
		return -1;
	p->free_head = p->next[number];
	p->n_used++;
	return (int)number;
}

int fib_pool_take_new(struct fib_pool *p)
{
	if (p->n_touched == p->n_max)
		return -1;
	p->n_used++;
	return (int)p->n_touched++;
}

void fib_pool_give(struct fib_pool *p, uint32_t number)
{
	p->next[number] = (uint16_t)p->free_head;
	p->free_head = number;
	p->n_used--;
}

void fib_pool_rest(struct fib_pool *p, uint32_t number, uint64_t tag)
{
	p->tags[number] = tag;
	p->next[number] = (uint16_t)p->n_max;
	if (p->rest_head == p->n_max)
		p->rest_head = number;
	else
		p->next[p->rest_tail] = (uint16_t)number;
	p->rest_tail = number;
	p->n_resting++;
	p->n_used--;
}

void fib_pool_wake(struct fib_pool *p, uint64_t oldest)
{
	while (p->rest_head != p->n_max && p->tags[p->rest_head] <= oldest) {
		const uint32_t number = p->rest_head;

		p->rest_head = p->next[number];
		p->next[number] = (uint16_t)p->free_head;
		p->free_head = number;
		p->n_resting--;
	}
}
