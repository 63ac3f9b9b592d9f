/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One flow, two engines of which one is parked, and everything that can happen to it at any instant:
 * engines are let in, drained and parked; one dies, and the parked one takes over; another process
 * starts in the dead one's place. Variants:
 *   (default)  it dies
 *   -DHANG     it is taken for hung while it works: replaced first, then killed
 *   -DBYPASS   it is by-passed (a debugger has it), and gets packets again
 *   -DHOLDS    with one of these: its plugin holds packets and gives them back in tick()
 * What a step stands for:
 *
 *   arrive        md_send(), flow_jsq_pick()             lib/dispatch/send.c, buckets.c
 *   collect       md_collect_engine(), md_hold_returned()  lib/dispatch/collect.c, hold.c
 *   activate      pdp_md_engine_activate()               lib/dispatch/md_engine.c
 *   drain         pdp_md_engine_drain(), buckets_leave() lib/dispatch/md_engine.c, buckets.c
 *   release       release(), pdp_bucket_release()        lib/dispatch/hold.c, buckets.c
 *   write_off     md_write_off(), let_heir_in()          lib/dispatch/death.c
 *   remove        pdp_md_engine_remove(), pdp_chan_sweep()
 *   control       resize_replace(), on_drain(), park()   lib/engine/resize.c
 *                 engine_dies(), engine_gone()           lib/engine/death.c, life.c
 *   kernel        SIGKILL, then the robust futex word, then the pidfd
 *
 * The MD's steps are atomic because all that they touch is the MD's own, but for rings, which are
 * touched once a step; calls of the control thread run between two of its turns (pdp_md_call).
 *
 * Checked: packets of the flow leave in order; an engine touches no packet but those it was lent
 * and has not returned, and no region but its own process's; every packet leaves or is dropped, and
 * is dropped only if its engine died, was full, or there was none; a parked engine has none.
 * Mutations, each of which has to be found: see run.
 */
#define N     4 /* packets */
#define SLOTS 2
#define NONE  7
#define HELD  8
#define FREED 9

#define ON   0 /* values of off[] */
#define DEAD 1
#define LATE 2

/* Shared with engines. */
chan to0 = [SLOTS] of {byte};
chan from0 = [SLOTS] of {byte};
chan to1 = [SLOTS] of {byte};
chan from1 = [SLOTS] of {byte};
bool parked[2];
byte owner[N + 1]; /* of a packet's memory: 1 + engine, 0: the MD, or FREED: somebody else has it */
byte region[2];	   /* generation of the process that it is for */

/* The kernel's. */
bool killed[2], robust[2], gone[2];
byte n_dead[2]; /* generations that are */

/* The MD's. */
byte place;	   /* of the bucket: an engine, NONE or HELD */
byte bucket_out;   /* packets of it that engines have */
byte out[2];	   /* slots that are not FREE, by engine */
byte counted[2];   /* of those, in the bucket */
bool on[2];	   /* gets packets */
byte off[2];	   /* ON; DEAD: written off; LATE: by-passed, it may come back */
byte heir = 1;	   /* NONE */
chan hold = [N] of {byte};
byte next = 1;
byte last; /* that left */
byte n_left, n_dropped;

inline leave(p)
{
	assert(p > last); /* never reordered */
	last = p;
	owner[p] = FREED;
	n_left++
}

inline drop(p)
{
	owner[p] = FREED;
	n_dropped++
}

inline stage_to(e, ring, p)
{
	if
	:: out[e] < SLOTS ->
		owner[p] = 1 + e;
		out[e]++;
		counted[e]++;
		bucket_out++;
		ring!p
	:: else -> drop(p) /* ENGINE_FULL */
	fi
}

inline stage(p)
{
	if
	:: place == 0 -> stage_to(0, to0, p)
	:: place == 1 -> stage_to(1, to1, p)
	:: place == NONE -> drop(p) /* NO_ENGINE */
	fi
}

inline choose_place()
{
	if
	:: on[0] && !on[1] -> place = 0
	:: on[1] && !on[0] -> place = 1
	:: on[0] && on[1] -> if :: place = 0 :: place = 1 fi
	:: else -> place = NONE
	fi
}

/* The bucket waits for nothing any more. */
inline release_if_empty(q)
{
	if
	:: place == HELD && bucket_out == 0 ->
		choose_place();
		do
		:: hold?q -> stage(q)
		:: empty(hold) -> break
		od
	:: else
	fi
}

inline drain(e)
{
	if
	:: on[e] ->
		on[e] = false;
		if
#ifndef NO_HOLD
		:: place == e && bucket_out != 0 -> place = HELD
		:: place == e && bucket_out == 0 -> choose_place()
#else
		:: place == e -> choose_place()
#endif
		:: else
		fi
	:: else
	fi
}

inline activate(e)
{
	if
	:: off[e] == ON && !on[e] ->
		on[e] = true;
		if
		:: place == NONE -> place = e
		:: place != NONE /* its quota of buckets: perhaps not this one */
#ifndef MOVE_BUSY
		:: place < 2 && bucket_out == 0 -> place = e
#else
		:: place < 2 -> place = e
#endif
		fi
	:: else
	fi
}

inline collect_one(e, ring, p)
{
	ring?p;
	assert(owner[p] == 1 + e);
	out[e]--;
	if
#ifdef LATE_LEAVES
	:: off[e] != ON -> leave(p)
#else
	:: off[e] != ON -> drop(p) /* ENGINE_LATE: its flow is elsewhere by now */
#endif
	:: off[e] == ON && counted[e] == 0 -> leave(p) /* lent before it was by-passed */
	:: off[e] == ON && counted[e] != 0 ->
		leave(p);
		counted[e]--;
		bucket_out--;
		release_if_empty(p)
	fi
}

/* A death was seen, or is decided. */
inline write_off(e, how, ring, p)
{
#ifndef NO_COLLECT
	do
	:: nempty(ring) -> collect_one(e, ring, p)
	:: empty(ring) -> break
	od;
#endif
	if
	:: heir != NONE && heir != e && on[e] && off[heir] == ON ->
		activate(heir);
		parked[heir] = false;
		heir = NONE
	:: else
	fi;
	drain(e);
	off[e] = how;
#ifndef NO_GIVE_UP
	bucket_out = bucket_out - counted[e];
	counted[e] = 0;
#endif
	release_if_empty(p);
#ifdef SWEEP_EARLY
	sweep(e, ring, p)
#endif
}

/* Its ledger is emptied: packets' memory goes back to the pool. */
inline sweep(e, ring, p)
{
	p = 1;
	do
	:: p <= N ->
		if
		:: owner[p] == 1 + e -> drop(p)
		:: else
		fi;
		p++
	:: p > N -> break
	od;
	out[e] = 0
}

active proctype md()
{
	byte p;

end:	do
	:: atomic { next <= N ->
		p = next;
		next++;
		if
		:: place == HELD -> hold!p
		:: else -> stage(p)
		fi;
		p = 0
	   }
	:: atomic { nempty(from0) && off[0] != DEAD -> collect_one(0, from0, p); p = 0 }
	:: atomic { nempty(from1) && off[1] != DEAD -> collect_one(1, from1, p); p = 0 }
	:: atomic { robust[0] && off[0] != DEAD ->
		/* What was returned before the word was marked is there: nothing is dropped that came back. */
		write_off(0, DEAD, from0, p);
		assert(empty(from0));
		p = 0
	   }
	:: atomic { robust[1] && off[1] != DEAD ->
		write_off(1, DEAD, from1, p);
		assert(empty(from1));
		p = 0
	   }
	od
}

/* Its loop: serve_channel(), rt_give(); a plugin that holds packets gives them back in tick(), which
 * a parked engine has none of. It may be anywhere when it is killed. */
proctype engine(byte e; byte generation; chan to, from)
{
#ifdef HOLDS
	chan held = [SLOTS] of {byte};
#endif
	byte p;

	{
end:		do
		:: to?p ->
			assert(region[e] == generation);
			assert(owner[p] == 1 + e); /* reads the packet */
#ifdef HOLDS
			held!p;
			p = 0
		:: nempty(held) && !parked[e] ->
			held?p;
#endif
			assert(owner[p] == 1 + e); /* writes it */
			atomic {
				assert(region[e] == generation);
				from!p;
				p = 0
			}
		od
	} unless {
		n_dead[e] > generation
	}
}

/* A signal takes its time; then no instruction of it runs any more; then its robust list is walked,
 * its memory is taken down, and at last its pidfd is ready. */
active [2] proctype kernel()
{
	byte e = _pid % 2;

end:	do
	:: killed[e] ->
		n_dead[e]++;
		robust[e] = true;
		gone[e] = true;
		killed[e] = false
	od
}

/* engine_gone(): the process is not there any more; another one starts in its place. */
inline remove(e, to, from, p)
{
	atomic {
		if
		:: off[e] != DEAD -> write_off(e, DEAD, from, p)
		:: else
		fi;
		sweep(e, from, p);
		do
		:: to?p
		:: empty(to) -> break
		od;
		do
		:: from?p
		:: empty(from) -> break
		od;
		region[e]++;
		robust[e] = false;
		gone[e] = false;
		off[e] = ON;
		parked[e] = true;
		p = 0
	}
}

#ifdef REUSE_EARLY
#define READY_TO_REUSE(e) (robust[e] || off[e] == DEAD)
#else
#define READY_TO_REUSE(e) gone[e]
#endif

active proctype control()
{
	byte p, n_deaths = 0, n_resizes = 0, draining = NONE;

	atomic {
		parked[1] = true;
		on[0] = true;
		place = 0;
		run engine(0, 0, to0, from0);
		run engine(1, 0, to1, from1)
	}
end:	do
#if defined(HANG)
	:: atomic { n_deaths == 0 -> n_deaths++; write_off(0, DEAD, from0, p); p = 0 };
	   killed[0] = true
#elif defined(BYPASS)
	:: atomic { n_deaths == 0 -> n_deaths++; write_off(0, LATE, from0, p); p = 0 }
#ifndef TAKE_BACK_EARLY
	:: atomic { off[0] == LATE && out[0] == 0 ->
#else
	:: atomic { off[0] == LATE ->
#endif
		off[0] = ON;
		if
		:: draining != 0 -> activate(0)
		:: else
		fi
	   }
#else
	/* By itself, or by somebody's hand. */
	:: atomic { n_deaths == 0 -> n_deaths++; killed[0] = true }
#endif
	:: READY_TO_REUSE(0) && n_deaths == 1 ->
		n_deaths++;
		if
		:: draining == 0 -> draining = NONE
		:: else
		fi;
		remove(0, to0, from0, p);
		run engine(0, region[0], to0, from0);
		/* resize_settle(): whoever there is takes the place, if nobody has. */
		atomic {
			if
			:: !on[0] && !on[1] -> activate(0); parked[0] = false
			:: else
			fi
		}
	/* The plan wants the other one: mds_apply() lets in first, then drains. */
	:: atomic { n_resizes == 0 && draining == NONE && on[0] && off[1] == ON ->
		n_resizes++;
		parked[1] = false;
		heir = NONE;
		activate(1);
		drain(0);
		draining = 0
	   }
	:: atomic { n_resizes == 1 && draining == NONE && on[1] && off[0] == ON && parked[0] ->
		n_resizes++;
		parked[0] = false;
		activate(0);
		drain(1);
		draining = 1
	   }
#ifndef PARK_EARLY
	:: atomic { draining != NONE && off[draining] == ON && out[draining] == 0 ->
#else
	:: atomic { draining != NONE && off[draining] == ON ->
#endif
		parked[draining] = true;
		if
		:: heir == NONE -> heir = draining
		:: else
		fi;
		draining = NONE
	   }
	od
}

active proctype judge()
{
	timeout ->
		assert(next > N && n_left + n_dropped == N);
		assert(bucket_out == 0 && out[0] == 0 && out[1] == 0 && empty(hold))
}
