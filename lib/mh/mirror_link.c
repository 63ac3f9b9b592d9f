/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links and addresses. What the kernel does to IPv4 routes when a link changes or an address goes
 * it does not say, so both are reasons for a new dump; next hops over a link that is down are dead
 * at once, by one store each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <net/if.h>

#include "mirror_priv.h"

#define LIFE (IFF_UP | IFF_RUNNING | 0x10000 /* IFF_LOWER_UP, which <net/if.h> lacks */)

struct mirror_link *mirror_link_find(const struct pdp_mirror *m, int ifindex)
{
	for (uint32_t i = 0; i < m->n_links; i++) {
		if (m->links[i]->ifindex == ifindex)
			return m->links[i];
	}
	return NULL;
}

const char *mirror_link_name(const struct pdp_mirror *m, int ifindex)
{
	const struct mirror_link *link = mirror_link_find(m, ifindex);

	return link != NULL && link->name[0] != '\0' ? link->name : "?";
}

static struct mirror_link *get_link(struct pdp_mirror *m, int ifindex)
{
	struct mirror_link *link = mirror_link_find(m, ifindex);
	struct mirror_link **links;

	if (link != NULL)
		return link;
	links = realloc(m->links, (m->n_links + 1) * sizeof(*links));
	link = links != NULL ? calloc(1, sizeof(*link)) : NULL;
	m->links = links != NULL ? links : m->links;
	if (link == NULL)
		return NULL;
	link->ifindex = ifindex;
	link->vif = -1;
	m->links[m->n_links++] = link;
	return link;
}

static void drop_link(struct pdp_mirror *m, struct mirror_link *link)
{
	for (uint32_t i = 0; i < m->n_links; i++) {
		if (m->links[i] == link)
			m->links[i] = m->links[--m->n_links];
	}
	free(link);
}

int pdp_mirror_vif_set(struct pdp_mirror *m, int ifindex, uint8_t vif, bool ethernet)
{
	struct mirror_link *link = get_link(m, ifindex);

	if (link == NULL)
		return -ENOMEM;
	link->vif = vif;
	link->ethernet = ethernet;
	mirror_hops_of_link(m, ifindex);
	mirror_neighs_reconsider(m, NULL);
	return 0;
}

void pdp_mirror_vif_unset(struct pdp_mirror *m, int ifindex)
{
	struct mirror_link *link = mirror_link_find(m, ifindex);

	if (link == NULL)
		return;
	link->vif = -1;
	if (!link->known)
		drop_link(m, link);
	mirror_hops_of_link(m, ifindex);
	mirror_neighs_reconsider(m, NULL);
}

/* The kernel has it no longer; a vif's is dead until it comes back or the vif goes. */
static void gone(struct pdp_mirror *m, struct mirror_link *link)
{
	const int ifindex = link->ifindex;

	if (link->vif >= 0) {
		link->known = true;
		link->flags = 0;
	} else {
		drop_link(m, link);
	}
	mirror_hops_of_link(m, ifindex);
}

void mirror_link_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct mirror_link *link;
	bool changed;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi)) {
		m->stats.bad_messages++;
		return;
	}
	if (ifi->ifi_family != AF_UNSPEC)
		return;
	if (nlh->nlmsg_type == RTM_DELLINK) {
		link = mirror_link_find(m, ifi->ifi_index);
		if (link != NULL)
			gone(m, link);
		mirror_doubt(m);
		return;
	}
	link = get_link(m, ifi->ifi_index);
	if (link == NULL) {
		m->stats.no_memory++;
		return;
	}
	changed = !link->known || ((link->flags ^ ifi->ifi_flags) & LIFE) != 0;
	/* A new link has no routes yet. */
	if (link->known && changed && !dump)
		mirror_doubt(m);
	link->known = true;
	link->flags = ifi->ifi_flags;
	link->mark = m->mark[MIRROR_DUMP_LINKS];
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(link->name, sizeof(link->name), "%.*s",
				 (int)mnl_attr_get_payload_len(attr),
				 (const char *)mnl_attr_get_payload(attr));
	}
	if (changed)
		mirror_hops_of_link(m, link->ifindex);
}

void mirror_links_swept(struct pdp_mirror *m, bool ok)
{
	for (uint32_t i = m->n_links; i-- > 0;) {
		struct mirror_link *link = m->links[i];
		const bool stale = link->known && link->mark != m->mark[MIRROR_DUMP_LINKS];

		link->mark = m->mark[MIRROR_DUMP_LINKS];
		if (stale && ok)
			gone(m, link);
	}
}

static struct mirror_address *find_address(struct pdp_mirror *m, const struct mirror_address *a)
{
	for (uint32_t i = 0; i < m->n_addresses; i++) {
		struct mirror_address *known = &m->addresses[i];

		if (known->ifindex == a->ifindex && known->family == a->family &&
		    known->len == a->len && memcmp(known->bytes, a->bytes, sizeof(a->bytes)) == 0)
			return known;
	}
	return NULL;
}

static bool parse_address(const struct nlmsghdr *nlh, struct mirror_address *a)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *bytes = NULL;

	*a = (struct mirror_address){0};
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa))
		return false;
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return false;
	a->ifindex = (int)ifa->ifa_index;
	a->family = ifa->ifa_family == AF_INET ? 4 : 6;
	a->len = ifa->ifa_prefixlen;
	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
	{
		const unsigned int type = mnl_attr_get_type(attr);

		/* Of a point-to-point link IFA_ADDRESS is the other end's. */
		if (type == IFA_LOCAL || (type == IFA_ADDRESS && bytes == NULL))
			bytes = attr;
	}
	if (bytes == NULL || mnl_attr_get_payload_len(bytes) != (a->family == 4 ? 4u : 16u))
		return false;
	memcpy(a->bytes, mnl_attr_get_payload(bytes), a->family == 4 ? 4 : 16);
	return true;
}

static struct mirror_address *add_address(struct pdp_mirror *m, const struct mirror_address *a)
{
	if (m->n_addresses == m->addresses_max) {
		const uint32_t max = m->addresses_max != 0 ? m->addresses_max * 2 : 16;
		struct mirror_address *more = realloc(m->addresses, max * sizeof(*more));

		if (more == NULL) {
			m->stats.no_memory++;
			return NULL;
		}
		m->addresses = more;
		m->addresses_max = max;
	}
	m->addresses[m->n_addresses] = *a;
	return &m->addresses[m->n_addresses++];
}

void mirror_address_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	struct mirror_address a, *known;

	if (!parse_address(nlh, &a)) {
		m->stats.bad_messages++;
		return;
	}
	known = find_address(m, &a);
	if (nlh->nlmsg_type == RTM_DELADDR) {
		if (known != NULL)
			*known = m->addresses[--m->n_addresses];
		if (a.family == 4)
			mirror_doubt(m);
		return;
	}
	/* The first address of a link revives what died with its last one. */
	if (known == NULL) {
		if (!dump && a.family == 4 && mirror_targets_any_dead(m))
			mirror_doubt(m);
		known = add_address(m, &a);
	}
	if (known != NULL)
		known->mark = m->mark[MIRROR_DUMP_ADDRESSES];
}

void mirror_addresses_swept(struct pdp_mirror *m, bool ok)
{
	for (uint32_t i = m->n_addresses; i-- > 0;) {
		if (ok && m->addresses[i].mark != m->mark[MIRROR_DUMP_ADDRESSES])
			m->addresses[i] = m->addresses[--m->n_addresses];
		else
			m->addresses[i].mark = m->mark[MIRROR_DUMP_ADDRESSES];
	}
}

void mirror_links_fini(struct pdp_mirror *m)
{
	for (uint32_t i = 0; i < m->n_links; i++)
		free(m->links[i]);
	free(m->links);
	free(m->addresses);
}
