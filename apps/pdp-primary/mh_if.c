/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interfaces of VRs' control planes: made in step with their vifs, kept so, and made again when
 * somebody took one, or a whole namespace, away. Main thread at the start, then the MH thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <rte_ethdev.h>

#include <pdp_log.h>

#include "mh.h"

static const char *vr_name(const struct mh_if *i)
{
	return node.config->vrs[i->vr->vr].name;
}

static const struct pdp_vif_conf *conf_of(const struct mh_if *i)
{
	return &node.vrs[i->vr->vr].vifs[i->vif];
}

static void keep_name(const struct mh_if *i, char name[PDP_KEEP_NAME])
{
	snprintf(name, PDP_KEEP_NAME, "%s/%s", vr_name(i), conf_of(i)->name);
}

/* The copy that carries the interface over a restart. */
static void keep(const struct mh_if *i)
{
	char name[PDP_KEEP_NAME];
	int rc;

	if (mh.keep == NULL || i->tap.kept)
		return;
	keep_name(i, name);
	rc = pdp_keep_put(mh.keep, name, i->tap.fd);
	if (rc != 0)
		PDP_LOG(WARNING,
			"VR %s: interface %s will lose its carrier when the node is restarted: "
			"pdp-keeper: %s",
			vr_name(i), conf_of(i)->name, strerror(-rc));
}

static int kept(const struct mh_if *i)
{
	char name[PDP_KEEP_NAME];

	keep_name(i, name);
	return mh.keep != NULL ? pdp_keep_get(mh.keep, name) : -1;
}

int mh_if_open(struct mh_if *i, char *err, size_t err_size)
{
	const struct pdp_vif_conf *conf = conf_of(i);
	struct pdp_tap_params p = {.name = conf->name,
				   .is_ip = conf->kind == PDP_VIF_IP,
				   .mtu = conf->mtu,
				   .kept = kept(i)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = i};
	int rc;

	memcpy(p.mac, conf->mac, sizeof(p.mac));
	rc = pdp_tap_open(i->vr->ns, &p, &i->tap, err, err_size);
	if (rc != 0)
		return rc;
	/* Until the first look; a link that is down says so then. */
	i->carrier = true;
	i->lost = false;
	pdp_tap_set_carrier(&i->tap, true);
	if (epoll_ctl(mh.epoll_fd, EPOLL_CTL_ADD, i->tap.fd, &event) == 0) {
		mh_fib_vif(i, true);
		keep(i);
		return 0;
	}
	rc = -errno;
	snprintf(err, err_size, "cannot wait for interface %s: %s", conf->name, strerror(-rc));
	pdp_tap_close(&i->tap, !i->tap.adopted);
	return rc;
}

void mh_if_close(struct mh_if *i, bool remove)
{
	char name[PDP_KEEP_NAME];

	mh_fib_vif(i, false);
	if (remove && mh.keep != NULL) {
		keep_name(i, name);
		pdp_keep_drop(mh.keep, name);
	}
	pdp_tap_close(&i->tap, remove);
}

static void follow_link(struct mh_if *i)
{
	struct rte_eth_link link = {0};
	bool up;

	if (rte_eth_link_get_nowait(conf_of(i)->port, &link) != 0)
		return;
	up = link.link_status == RTE_ETH_LINK_UP;
	if (up == i->carrier || pdp_tap_set_carrier(&i->tap, up) != 0)
		return;
	i->carrier = up;
}

/* All interfaces anew, in the namespace as it is now. */
static void open_all(struct mh_vr *vr)
{
	char err[256];

	for (unsigned int k = 0; k < vr->n_ifs; k++) {
		struct mh_if *i = &vr->ifs[k];

		mh_if_close(i, true);
		if (mh_if_open(i, err, sizeof(err)) != 0)
			PDP_LOG(ERR, "VR %s: %s", vr_name(i), err);
	}
}

/* A name that is gone is made again; what belonged to others comes back when they bring it. */
static void look_at_namespace(struct mh_vr *vr)
{
	const struct pdp_vr_config *config = &node.config->vrs[vr->vr];
	const int rc = pdp_netns_check(vr->ns);
	struct pdp_netns *ns;
	char err[256];

	if (rc == 0) {
		vr->told = false;
		return;
	}
	if (!vr->told)
		PDP_LOG(WARNING, "VR %s: namespace %s was %s; its interfaces are made anew",
			config->name, config->netns,
			rc == -ENOENT ? "taken away" : "replaced by another");
	ns = pdp_netns_open(config->netns, err, sizeof(err));
	if (ns == NULL) {
		if (!vr->told)
			PDP_LOG(ERR, "VR %s: %s; tried again every second", config->name, err);
		vr->told = true;
		return;
	}
	for (unsigned int k = 0; k < vr->n_ifs; k++)
		mh_if_close(&vr->ifs[k], true);
	pdp_netns_close(vr->ns);
	vr->ns = ns;
	vr->told = false;
	if (mh_fib_renew(vr, err, sizeof(err)) != 0)
		PDP_LOG(ERR, "VR %s: %s", config->name, err);
	open_all(vr);
}

static void look_at_interface(struct mh_if *i)
{
	char err[256];

	if (i->lost) {
		PDP_LOG(WARNING, "VR %s: interface %s was taken away; it is made again", vr_name(i),
			conf_of(i)->name);
		mh_if_close(i, false);
		i->lost = false;
	}
	if (i->tap.fd < 0 && mh_if_open(i, err, sizeof(err)) != 0) {
		if (!i->told)
			PDP_LOG(ERR, "VR %s: %s; tried again until it can be", vr_name(i), err);
		i->told = true;
		return;
	}
	i->told = false;
	follow_link(i);
}

void mh_look(uint64_t now_ms)
{
	for (unsigned int v = 0; v < mh.n_vrs; v++) {
		struct mh_vr *vr = &mh.vrs[v];

		look_at_namespace(vr);
		for (unsigned int k = 0; k < vr->n_ifs; k++)
			look_at_interface(&vr->ifs[k]);
		mh_fib_look(vr, now_ms);
	}
}
