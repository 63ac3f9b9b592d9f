/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An MD driven by hand whose packets are numbered within their flows, with engines that give back
 * what they have when the test says so, and a look at the order in which packets leave.
 */
#ifndef TEST_PLAY_H
#define TEST_PLAY_H

#include "hand.h"

#define PLAY_FLOWS 4096
#define PLAY_SLOTS 1024

struct play_engine {
	bool present; /* added */
	bool active;  /* gets packets, as far as the test knows */
	struct pdp_desc lent[PLAY_SLOTS];
	unsigned int n_lent;
};

struct play {
	struct hand h;
	uint64_t rng;
	uint32_t sent[PLAY_FLOWS]; /* last number received by the MD, from 1 on */
	uint32_t seen[PLAY_FLOWS]; /* last number that left */
	uint32_t last;		   /* number over all flows that left last */
	uint32_t all;		   /* numbers over all flows that were received */
	unsigned int left;	   /* packets that left */
	unsigned int reordered;	   /* of them: after a later one of their flow */
	unsigned int overtaken;	   /* of them: after a later one of any flow */
	unsigned int n_slots;
	struct play_engine engines[HAND_ENGINES];
};

void play_open(struct play *p, const char *balancer, unsigned int n_slots, uint64_t seed);
/* Everything comes back, and nothing is in flight any more. */
void play_close(struct play *p);

/* 0 .. n - 1 */
uint32_t play_random(struct play *p, uint32_t n);

void play_add(struct play *p, unsigned int engine, bool active);
void play_drain(struct play *p, unsigned int engine);
/* Die: what it has is lost. */
void play_remove(struct play *p, unsigned int engine);

/* Let the MD receive n packets of a flow. */
void play_rx(struct play *p, uint32_t flow, unsigned int n);
/* Turns of the MD; what leaves is looked at, and packets balance. */
void play_turns(struct play *p, unsigned int n);
/* An engine gives back its oldest n packets; the oldest ones of any flows; or any n. */
void play_give(struct play *p, unsigned int engine, unsigned int n);
void play_give_flows(struct play *p, unsigned int engine, unsigned int n);
void play_give_any(struct play *p, unsigned int engine, unsigned int n, enum pdp_verdict verdict);
/* Until nothing is in flight. */
void play_rest(struct play *p);
unsigned int play_out(struct play *p, unsigned int engine);

#endif /* TEST_PLAY_H */
