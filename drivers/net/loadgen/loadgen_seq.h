/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of each flow at the receiving end: loss, reordering (RFC 4737), duplicates.
 *
 * A flow in order costs one load, one compare and one store of an 8-byte word. Only a packet out of
 * place goes into the table of gaps (numbers skipped and not come yet), which tells late from
 * duplicate and how late. Threads: a flow's packets may be sent by several lcores. Where a port has
 * several tx queues, `shared` is set and the word is changed by compare-and-swap; else a flow is
 * taken to leave by one lcore at a time and plain stores do. The gap table has a lock of its own in
 * either case.
 */
#ifndef LOADGEN_SEQ_H
#define LOADGEN_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#define LG_GAPS	     15
#define LG_GAP_SLOTS 16384

/** One flow, in one word. */
union lg_flow_state {
	uint64_t word;
	struct {
		uint32_t next;	   /**< next expected number */
		uint32_t received; /**< packets so far, duplicates excluded: the place in order of
				      arrival */
	};
};

struct lg_gap {
	uint32_t first;
	uint32_t n;	/**< numbers first .. first + n - 1 are missing */
	uint32_t place; /**< `received` when the packet came that skipped them */
};

struct lg_gap_slot {
	uint32_t flow;	/**< + 1; 0: never used */
	uint32_t floor; /**< all gaps from here on are known */
	uint32_t n;
	struct lg_gap gaps[LG_GAPS]; /**< by number, ascending */
};

/** All flows of one source. */
struct lg_flow_table {
	uint32_t n_flows;
	uint32_t n_slots;
	int lock;
	uint64_t *words;	   /**< union lg_flow_state each */
	struct lg_gap_slot *slots; /**< by flow modulo n_slots */
};

/** Counted by the sink queue that saw the packets. */
struct lg_seq_counters {
	int64_t missing; /**< may be negative where another queue saw the gap */
	uint64_t reordered;
	uint64_t duplicates;
	uint64_t extent_max;
};

/** @return 0; -ENOMEM */
int lg_flow_table_init(struct lg_flow_table *table, uint32_t n_flows);
void lg_flow_table_fini(struct lg_flow_table *table);

/** Forget all that was seen. Nothing may be sent to a sink meanwhile. */
void lg_flow_table_clear(struct lg_flow_table *table);

/** A packet that is not the next of its flow. @return false: a duplicate */
bool lg_seq_out_of_place(struct lg_flow_table *table, uint32_t flow, uint32_t seq,
			 struct lg_seq_counters *counters);

/**
 * Judge a packet.
 * @param flow below table->n_flows
 * @return false: a duplicate
 */
static inline bool lg_seq_judge(struct lg_flow_table *table, uint32_t flow, uint32_t seq,
				bool shared, struct lg_seq_counters *counters)
{
	uint64_t *word = &table->words[flow];
	union lg_flow_state old = {.word = __atomic_load_n(word, __ATOMIC_RELAXED)}, new;

	if (__builtin_expect(old.next != seq, 0))
		return lg_seq_out_of_place(table, flow, seq, counters);
	new.next = seq + 1;
	new.received = old.received + 1;
	if (!shared)
		__atomic_store_n(word, new.word, __ATOMIC_RELAXED);
	else if (!__atomic_compare_exchange_n(word, &old.word, new.word, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED))
		return lg_seq_out_of_place(table, flow, seq, counters);
	return true;
}

#endif /* LOADGEN_SEQ_H */
