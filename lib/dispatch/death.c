/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An engine that died, or is taken out of the way because it hangs: its traffic goes elsewhere at
 * once. What it returned is collected; the packets that it has are given up, so that nothing waits
 * for them any more (buckets, tickets), but stay in the ledger until pdp_md_engine_remove(), since
 * the process may still be at them. Where the VR has an heir, a parked engine that the control
 * thread chose before, that takes the place here and now. MD lcore only.
 */
#include <unistd.h>

#include "dispatch_priv.h"

void pdp_md_watch_deaths(struct pdp_md *md, int fd)
{
	md->death_fd = fd;
}

void pdp_md_vr_set_heir(struct pdp_md *md, unsigned int vr, int heir)
{
	md->vrs[vr].heir = (int16_t)heir;
}

/* Nobody serves for a moment: what is missing then is packets, so the heir comes first. */
static void let_heir_in(struct pdp_md *md, struct md_vr *vr, const struct md_engine *dead)
{
	struct md_engine *heir = vr->heir >= 0 ? vr->all[vr->heir] : NULL;
	const unsigned int place = md_place_of(vr, dead);
	struct pdp_status *status;

	if (heir == NULL || heir == dead || heir->off != MD_ENGINE_ON || place == vr->n_engines ||
	    md_place_of(vr, heir) != vr->n_engines || pdp_chan_died(heir->ch))
		return;
	vr->heir = -1;
	pdp_md_engine_activate(md, (unsigned int)(vr - md->vrs), heir->index,
			       vr->balance->weights[place]);
	heir->inherited = true;
	status = heir->ch->status;
	__atomic_store_n(&status->parked, 0, __ATOMIC_RELAXED);
	pdp_status_wake(status);
}

static void collect_rest(struct pdp_md *md, struct md_engine *e)
{
	/* A ring of n slots holds no more than n descriptors, whatever its indexes say now. */
	for (uint32_t i = 0; i <= (e->ch->n_slots + e->ch->n_blanks) / 32 + 1; i++) {
		if (md_collect_engine(md, e) == 0)
			break;
	}
}

void md_write_off(struct pdp_md *md, struct md_engine *e, enum md_engine_off off)
{
	struct md_vr *vr = e->vr;

	if (e->off == MD_ENGINE_ON) {
		collect_rest(md, e);
		let_heir_in(md, vr, e);
		pdp_md_engine_drain(md, (unsigned int)(vr - md->vrs), e->index);
	}
	e->off = off;
	md_hold_swept(md, e);
	md_order_swept(md, e);
	md_hold_gone(md, e);
	md_vr_settle(md, vr);
}

void pdp_md_engine_write_off(struct pdp_md *md, unsigned int vr, unsigned int engine, bool late)
{
	struct md_engine *e = md->vrs[vr].all[engine];

	if (e != NULL && e->off != MD_ENGINE_DEAD)
		md_write_off(md, e, late ? MD_ENGINE_LATE : MD_ENGINE_DEAD);
}

void pdp_md_engine_take_back(struct pdp_md *md, unsigned int vr, unsigned int engine)
{
	struct md_engine *e = md->vrs[vr].all[engine];

	if (e != NULL && e->off == MD_ENGINE_LATE)
		e->off = MD_ENGINE_ON;
}

bool pdp_md_engine_inherited(const struct pdp_md *md, unsigned int vr, unsigned int engine)
{
	const struct md_engine *e = md->vrs[vr].all[engine];

	return e != NULL && e->inherited;
}

uint64_t pdp_md_engine_died_tsc(const struct pdp_md *md, unsigned int vr, unsigned int engine)
{
	const struct md_engine *e = md->vrs[vr].all[engine];

	return e != NULL ? __atomic_load_n(&e->died_tsc, __ATOMIC_RELAXED) : 0;
}

/* One system call, bounded and never blocking. */
void md_tell_deaths(struct pdp_md *md)
{
	const uint64_t one = 1;

	md->tell_tsc = 0;
	if (md->death_fd >= 0 && write(md->death_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		return; /* the counter is full: the control thread will look anyway */
}

/* The control thread may share the heir's CPU, which has better things to do now. */
static void tell_soon(struct pdp_md *md, bool inherited)
{
	const uint64_t at = md->now + (inherited ? md->tell_gap_tsc : 0);

	if (md->death_fd >= 0 && (md->tell_tsc == 0 || at < md->tell_tsc))
		md->tell_tsc = at;
}

void md_deaths(struct pdp_md *md)
{
	md->deaths = false;
	for (unsigned int i = 0; i < md->n_engines; i++) {
		struct md_engine *e = md->engines[i];
		const int16_t heir = e->vr->heir;

		if (e->off == MD_ENGINE_DEAD || !pdp_chan_died(e->ch))
			continue;
		__atomic_store_n(&e->died_tsc, rte_rdtsc(), __ATOMIC_RELAXED);
		md_write_off(md, e, MD_ENGINE_DEAD);
		tell_soon(md, heir >= 0 && e->vr->heir < 0);
	}
}
