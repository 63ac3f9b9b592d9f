/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `vr show NAME punt|neigh`: what was punted and sent, by class and interface, and the neighbours
 * that the kernel knows. Control thread, with the MH thread's answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>

#include "mh_show.h"

#define NEIGHBOURS_MAX 4096 /* rows of an answer */

int mh_show_find(const json_t *args, struct mh_vr **vr, char *err, size_t err_size)
{
	int v = show_find_vr(args, err, err_size);

	if (v < 0)
		return v;
	*vr = mh_find((unsigned int)v);
	if (*vr != NULL)
		return v;
	snprintf(err, err_size,
		 "VR %s has no control plane; give it one: \"netns\": \"NAME\" in the "
		 "configuration",
		 node.config->vrs[v].name);
	return -ENOENT;
}

int mh_show_call(void (*fn)(void *arg), void *arg, char *err, size_t err_size)
{
	int rc = mh_call(fn, arg);

	if (rc != 0)
		snprintf(err, err_size, "the management host does not answer: %s; try again",
			 strerror(-rc));
	return rc;
}

const char *mh_show_address(uint8_t family, const uint8_t *bytes, char text[MH_TEXT])
{
	if (family == 0 ||
	    inet_ntop(family == 6 ? AF_INET6 : AF_INET, bytes, text, MH_TEXT) == NULL)
		text[0] = '\0';
	return text;
}

static json_t *class_rows(unsigned int v, const struct pdp_vr_account *a)
{
	json_t *rows = json_array();

	/* As they are served. */
	for (unsigned int c = PDP_PUNT_CLASSES; c-- > 0;) {
		const struct pdp_punt_config *limit = &node.config->vrs[v].punt[c];
		const struct pdp_punt_counters *n = &a->c.punt[c];

		json_array_append_new(rows, json_pack("[s, i, i, I, I, I]", pdp_punt_class_name(c),
						      (int)limit->pps, (int)limit->burst,
						      (json_int_t)n->punted, (json_int_t)n->limited,
						      (json_int_t)n->full));
	}
	return rows;
}

static json_t *interface_rows(const struct mh_vr *vr)
{
	json_t *rows = json_array();

	for (unsigned int k = 0; k < vr->n_ifs; k++) {
		const struct mh_if *i = &vr->ifs[k];
		const struct mh_counters *c = &i->c;

		json_array_append_new(
			rows,
			json_pack("[s, s, i, b, b, I, I, I, I]", node.vrs[vr->vr].vifs[k].name,
				  node.vrs[vr->vr].vifs[k].kind == PDP_VIF_IP ? "tun" : "tap",
				  i->tap.ifindex, i->carrier, i->tap.adopted,
				  (json_int_t)c->to_host, (json_int_t)c->to_host_dropped,
				  (json_int_t)c->from_host, (json_int_t)c->from_host_dropped));
	}
	return rows;
}

json_t *mh_punt_json(const struct mh_vr *vr)
{
	struct pdp_vr_account a = {0};
	uint64_t waiting = 0;

	stats_account(vr->vr, &a);
	for (unsigned int i = 0; i < node.n_md; i++) {
		for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++)
			waiting += pdp_punt_count(mh.punts[i], c);
	}
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:{s:[s,s,s,s,s,s], s:o}, "
			 "s:{s:[s,s,s,s,s,s,s,s,s], s:o}}",
			 "netns", node.config->vrs[vr->vr].netns, "made_by_pdp",
			 pdp_netns_is_own(vr->ns), "punted", (json_int_t)a.c.punted, "originated",
			 (json_int_t)a.c.originated, "waiting_of_all_vrs", (json_int_t)waiting,
			 "classes", "columns", "class", "rate_pps", "burst", "punted", "limited",
			 "full", "rows", class_rows(vr->vr, &a), "interfaces", "columns",
			 "interface", "kind", "ifindex", "carrier", "adopted", "to_host",
			 "to_host_dropped", "from_host", "from_host_dropped", "rows",
			 interface_rows(vr));
}

static int show_punt(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	struct mh_vr *vr;
	int v = mh_show_find(args, &vr, err, err_size);

	if (v < 0)
		return v;
	*result = mh_punt_json(vr);
	return 0;
}

struct neighbours {
	struct mh_vr *vr;
	json_t *rows;
	bool more;
};

static const char *neighbour_state(uint16_t state)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} states[] = {
		{NUD_PERMANENT, "permanent"},	{NUD_REACHABLE, "reachable"},
		{NUD_STALE, "stale"},		{NUD_DELAY, "delay"},
		{NUD_PROBE, "probe"},		{NUD_FAILED, "failed"},
		{NUD_INCOMPLETE, "incomplete"}, {NUD_NOARP, "noarp"},
	};

	for (size_t i = 0; i < RTE_DIM(states); i++) {
		if (state & states[i].bit)
			return states[i].name;
	}
	return "none";
}

static void list_neighbours(void *arg)
{
	struct neighbours *n = arg;
	struct pdp_mirror_neigh neigh;
	unsigned int i = 0;

	for (; n->vr->mirror != NULL && pdp_mirror_neigh(n->vr->mirror, i, &neigh) == 0; i++) {
		char address[MH_TEXT], mac[18];

		if (i == NEIGHBOURS_MAX) {
			n->more = true;
			return;
		}
		json_array_append_new(
			n->rows, json_pack("[s, s, s, s, b]",
					   mh_show_address(neigh.family, neigh.address, address),
					   neigh.ifname, show_mac(neigh.mac, mac),
					   neighbour_state(neigh.state), neigh.adjacent));
	}
}

static int show_neigh(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	struct neighbours n = {0};
	int v = mh_show_find(args, &n.vr, err, err_size), rc;

	if (v < 0)
		return v;
	n.rows = json_array();
	rc = mh_show_call(list_neighbours, &n, err, err_size);
	if (rc != 0) {
		json_decref(n.rows);
		return rc;
	}
	*result = json_pack("{s:[s,s,s,s,s], s:o}", "columns", "address", "interface", "mac",
			    "state", "in_fib", "rows", n.rows);
	if (n.more)
		json_object_set_new(
			*result, "note",
			json_sprintf("the first %u; ip neigh has them all", NEIGHBOURS_MAX));
	return 0;
}

int mh_show_register(void)
{
	static const struct {
		const char *cmd;
		const char *help;
		pdp_control_fn fn;
	} commands[] = {
		{"vr punt", "what a VR punted and its router sent: vr=NAME", show_punt},
		{"vr neigh", "neighbours that the kernel of a VR's namespace knows: vr=NAME",
		 show_neigh},
		{"vr fib", "routes of a VR: vr=NAME prefix=10.0.0.0/8 check=true", mh_show_fib},
	};

	for (size_t i = 0; i < RTE_DIM(commands); i++) {
		if (pdp_control_register(node.control, commands[i].cmd, commands[i].help,
					 commands[i].fn, NULL) != 0)
			return -1;
	}
	return 0;
}
