/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How an engine falls asleep and is woken (eventcount), on a machine whose CPUs have store buffers.
 * Checked: it never sleeps for good while something waits for it, though here no deadline ends its
 * sleep.
 *
 * Three ways that something comes to it, one a run:
 *   (default)  packets: pdp_chan_flush() looks at `sleeping` without a fence, and the MD looks again
 *              in each turn in which packets are out
 *   -DCTL      control messages: pdp_chan_notify() has a fence, and looks once
 *   -DCMD      commands: engine_command() moves cmd_seq and wakes whatever it sees
 * Mutations, each of which has to be found: see run.
 */
#define N     2 /* packets or messages */
#define WAKES 4 /* values of wake_seq: more than wakes between reading it and FUTEX_WAIT */

byte tail;     /* pdp_ring.tail, or that of the control ring, or cmd_seq: what the engine can see */
byte head;     /* what it has served */
byte sleeping; /* pdp_status.sleeping, as the MD can see it */
byte wake_seq; /* pdp_status.wake_seq */
bool waiting;  /* the engine is in FUTEX_WAIT */
byte wakes;    /* since the engine began to fall asleep: at most one in 50 us, so few */
bool sent;     /* the MD has no more */

/* Store buffers: what a CPU has stored, and others cannot see yet, in order. */
chan md_stores = [N] of {byte};	    /* to tail */
chan engine_stores = [3] of {byte}; /* to sleeping */

inline md_drain()
{
	do
	:: md_stores?tail
	:: empty(md_stores) -> break
	od
}

inline engine_drain()
{
	do
	:: engine_stores?sleeping
	:: empty(engine_stores) -> break
	od
}

/* A buffer empties whenever it likes. */
active proctype md_cpu()
{
end:	do
	:: md_stores?tail
	od
}

active proctype engine_cpu()
{
end:	do
	:: engine_stores?sleeping
	od
}

/* pdp_status_wake(), lib/channel/region.c: a locked instruction, then FUTEX_WAKE. */
inline status_wake()
{
	atomic {
		md_drain();
		wake_seq = (wake_seq + 1) % WAKES;
		wakes++
	};
	waiting = false
}

/* pdp_chan_wake(), lib/channel/channel_md.c: one that comes too soon after the last stays pending. */
inline chan_wake()
{
	if
	:: status_wake();
	   pending = false
	:: !was_early -> was_early = true;
#ifndef PENDING_FORGOTTEN
	   pending = true
#else
	   skip
#endif
	fi
}

/* pdp_chan_look(), lib/channel/pdp_channel_md.h */
inline chan_look()
{
	if
	:: sleeping && wakes < WAKES - 1 -> chan_wake()
	:: else
	fi
}

active proctype md()
{
	byte next = 0;
	bool pending = false, was_early = false;

	do
	:: next < N ->
		next++;
#if defined(CMD)
		/* engine_command(), lib/engine/join.c: __ATOMIC_SEQ_CST, then wake. */
		atomic { tail = next };
		status_wake()
#elif defined(CTL)
		/* pdp_ctl_put() and pdp_chan_notify(). */
		md_stores!next;
#ifndef NO_MD_FENCE
		atomic { md_drain() };
#endif
		chan_look()
#else
		/* pdp_ring_publish(), then a look: pdp_chan_flush(), lib/channel/pdp_channel_md.h. */
		md_stores!next;
		chan_look()
#endif
	:: next == N -> break
	od;
	sent = true;
#if defined(CTL)
	/* md_collect_engine(): `wake_pending` keeps it on the list. */
	do
	:: pending -> chan_look()
	:: !pending -> break
	od
#elif !defined(CMD) && !defined(NO_LOOK_AGAIN)
	/* md_collect_engine(), lib/dispatch/collect.c: pdp_chan_out() != 0 -> look. */
	do
	:: head != N || pending -> chan_look()
	:: head == N && !pending -> break
	od
#endif
}

/* sleep_until_woken(), apps/pdp-engine/loop.c */
inline sleep_until_woken()
{
#ifndef SEQ_LATE
	atomic { seq = wake_seq; wakes = 0 };
#endif
#ifndef SLEEPING_LATE
	engine_stores!1;
#ifndef NO_ENGINE_FENCE
	atomic { engine_drain() };
#endif
#endif
	if
#ifndef NO_LAST_LOOK
	:: tail != head /* anything_there() */
	:: tail == head ->
#else
	:: true ->
#endif
#ifdef SEQ_LATE
		atomic { seq = wake_seq; wakes = 0 };
#endif
#ifdef SLEEPING_LATE
		engine_stores!1;
#endif
		/* FUTEX_WAIT: the kernel compares under a lock. */
		atomic {
			engine_drain();
			waiting = (wake_seq == seq)
		};
		!waiting
	fi;
	engine_stores!0
}

active proctype engine()
{
	byte seq;

end:	do
	:: tail != head -> atomic { head = tail }
	:: tail == head -> sleep_until_woken()
	od
}

/* Nobody can do anything any more. */
active proctype judge()
{
	timeout -> assert(sent && head == N)
}

#ifdef LIVE
/* Where nobody is kept from running for ever, all is served. */
ltl served { <> (head == N) }
#endif
