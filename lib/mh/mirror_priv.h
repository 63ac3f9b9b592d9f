/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the mirror share. From below: pools; links; neighbours; hops (one next hop, one
 * number of the FIB); targets (what a route leads to: hops with weights, or a next-hop object);
 * paths (a target and what orders routes of a prefix); routes (paths of a prefix, in the order in
 * which the kernel tries them; kept in the note of the FIB's store, in a list where there are
 * several). Each holds a reference on what is below it.
 *
 * Thread: the MH's.
 */
#ifndef MIRROR_PRIV_H
#define MIRROR_PRIV_H

#include <assert.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "pdp_mirror.h"

/* mirror_pool.c: numbered items of one size, found by hash. Pointers last until the next new. */

struct mirror_item {
	uint32_t next; /* of the same chain; of the free ones */
	uint32_t hash;
	uint32_t refs;
};

struct mirror_pool {
	uint8_t *items;
	uint32_t item_size;
	uint32_t n_touched, n_max, n_used;
	uint32_t free_head;
	uint32_t *heads;
	uint32_t bits;
};

int mirror_pool_init(struct mirror_pool *p, uint32_t item_size);
void mirror_pool_fini(struct mirror_pool *p);
/** @return number of a zeroed item with no references, from 1; 0: no memory */
uint32_t mirror_pool_new(struct mirror_pool *p, uint32_t hash);
void mirror_pool_free(struct mirror_pool *p, uint32_t number);
void mirror_pool_rehash(struct mirror_pool *p, uint32_t number, uint32_t hash);
uint64_t mirror_pool_bytes(const struct mirror_pool *p);

static inline void *mirror_pool_at(const struct mirror_pool *p, uint32_t number)
{
	return p->items + (size_t)number * p->item_size;
}

/** First of the chain of a hash; 0: empty. */
static inline uint32_t mirror_pool_first(const struct mirror_pool *p, uint32_t hash)
{
	return p->heads[hash >> (32 - p->bits)];
}

uint32_t mirror_hash(const void *data, size_t size, uint32_t seed);
uint64_t mirror_hash64(const void *data, size_t size, uint64_t seed);

/* mirror_link.c */

struct mirror_link {
	int ifindex;
	int vif; /* -1: none */
	bool ethernet;
	bool known; /* the kernel told of it */
	bool mark;
	uint32_t flags; /* IFF_* */
	char name[16];
};

struct mirror_address {
	int ifindex;
	uint8_t family, len;
	uint8_t bytes[16];
	bool mark;
};

/* mirror_neigh.c */

struct mirror_neigh {
	uint8_t family;
	uint8_t address[16];
	int ifindex;
	uint16_t state;
	uint8_t mac[6];
	bool mark;
	uint32_t path;	  /* of its own prefix in the FIB; 0: none */
	uint64_t told_ms; /* when the kernel was told that it is in use */
};

/* mirror_hop.c */

/** The last numbers of the FIB: objects and groups leave so many, plain gateways so many of them.
 */
enum { MIRROR_NUMBERS_NEIGHS = 1280, MIRROR_NUMBERS_LINKS = 256 };

enum mirror_kind {
	MIRROR_LOCAL = 1,
	MIRROR_BLACKHOLE,
	MIRROR_UNREACHABLE,
	MIRROR_PROHIBIT,
	MIRROR_LINK,	/* on the link of ifindex */
	MIRROR_GATEWAY, /* by the neighbour (ifindex, family, address) */
};

/** What a hop is, whatever number it has. Compared byte by byte: no holes. */
struct mirror_hop_key {
	uint8_t kind;	/* enum mirror_kind */
	uint8_t family; /* GATEWAY */
	uint8_t pad[2];
	int32_t ifindex; /* LINK, GATEWAY */
	uint8_t address[16];
};
static_assert(sizeof(struct mirror_hop_key) == 24, "no holes");

struct mirror_hop {
	struct mirror_item item;
	struct mirror_hop_key key;
	uint32_t object; /* of that next-hop object alone; 0: of all */
	uint16_t number; /* 0: there is none for it */
	struct pdp_fib_nexthop now;
};

/** One next hop of a route. Compared byte by byte. */
struct mirror_member {
	uint32_t hop;
	uint16_t weight;
	uint16_t dead;
};

enum { MIRROR_MEMBERS_MAX = PDP_FIB_PLY };

/* mirror_target.c */

struct mirror_target {
	struct mirror_item item;
	uint32_t object; /* number in the pool of objects; 0: members */
	uint16_t number; /* of the FIB; 0: there is none for it. Of one live hop the hop's */
	uint16_t n;
	bool dead;	  /* all its members are */
	bool group;	  /* the number is a group's, and its own */
	bool wants_group; /* there was no number for one */
	struct mirror_member one;
	struct mirror_member *members; /* NULL: one */
};

/** What orders the routes of a prefix. Compared byte by byte. */
struct mirror_path_key {
	uint32_t metric;
	uint32_t target;
	uint8_t table; /* 2 local, 1 main, 0 neighbour */
	uint8_t tos;
	uint8_t type;
	uint8_t protocol;
};

enum { MIRROR_TABLE_NEIGH, MIRROR_TABLE_MAIN, MIRROR_TABLE_LOCAL };

struct mirror_path {
	struct mirror_item item;
	struct mirror_path_key key;
	bool gateways; /* all its members are by gateways, not of an object: IPv6 may append */
};

/* mirror_object.c */

struct mirror_object {
	struct mirror_item item;
	uint32_t id;
	uint32_t hop;	 /* single; 0: a group */
	uint32_t target; /* that routes have; 0: none has */
	uint16_t number; /* of the group */
	uint16_t n;
	bool mark;
	struct mirror_object_member {
		uint32_t id;
		uint16_t weight;
		uint16_t pad;
	} * members;
};

/* mirror_parse.c */

/** A route message, parsed; pointers lead into the buffer. */
struct mirror_msg {
	struct pdp_fib_prefix prefix;
	bool add, dump;
	uint16_t flags; /* NLM_F_* */
	uint8_t table;	/* MIRROR_TABLE_* */
	uint8_t tos, type, protocol;
	uint32_t metric;
	uint32_t object;
	/* A single next hop. */
	int32_t ifindex;
	uint8_t gateway_family;
	bool encap, dead;
	uint8_t gateway[16];
	const struct nlattr *multipath;
};

enum mirror_parsed {
	MIRROR_ROUTE_OK,
	MIRROR_ROUTE_BAD,
	MIRROR_ROUTE_OTHER_TABLE,
	MIRROR_ROUTE_BY_SOURCE,
	MIRROR_ROUTE_IGNORED,
};

/* mirror_rib.c */

#define MIRROR_MANY  UINT32_C(0x80000000) /* of a note: the rest is the number of a list */
#define MIRROR_MARK  UINT32_C(0x40000000) /* of a note or route: seen since the dump began */
#define MIRROR_WHY   27			  /* bits 27-29 of a note: enum pdp_mirror_why */
#define MIRROR_INDEX UINT32_C(0x07ffffff)

struct mirror_list {
	struct mirror_item item;
	uint32_t n, n_max;
	uint32_t *routes;
};

/** The routes of a prefix, to be looked at and changed. */
struct mirror_entry {
	struct pdp_fib_prefix prefix;
	uint32_t *at;  /* where the note is, until something changes; NULL: nowhere */
	uint32_t note; /* as it was; 0: the prefix was not stored */
	uint32_t n;
	uint32_t *routes; /* path numbers with MIRROR_MARK, in the kernel's order */
	uint32_t one;
	uint32_t list; /* number of its list; 0: none */
};

enum { MIRROR_BATCH = 512, MIRROR_GONE = 64, MIRROR_WIDE_MAX = 64, MIRROR_DATAGRAMS = 64 };
#define MIRROR_BUFFERS ((size_t)MIRROR_DATAGRAMS * 32768)

/* mirror_dump.c */

/* In the order of dumping: each needs those before it. */
enum mirror_dump {
	MIRROR_DUMP_LINKS,
	MIRROR_DUMP_ADDRESSES,
	MIRROR_DUMP_OBJECTS,
	MIRROR_DUMP_NEIGHS,
	MIRROR_DUMP_ROUTES4,
	MIRROR_DUMP_ROUTES6,
	MIRROR_DUMP_RULES,
	MIRROR_N_DUMPS
};
#define MIRROR_DUMP_ALL ((1u << MIRROR_N_DUMPS) - 1)

struct mirror_check;
struct mnl_socket;

struct pdp_mirror {
	char name[32];
	struct pdp_fib *fib;
	int epoll_fd, timer_fd, sock;
	struct mnl_socket *nl;
	uint32_t port; /* of the socket */
	uint32_t seq;
	bool listening;	    /* the epoll waits for the socket */
	uint64_t stream_ns; /* since then each look at the socket found something */
	bool only_dump;	    /* no events: a check's */
	bool changed;	    /* since the last pdp_fib_publish() */
	uint8_t *buffers;

	struct mirror_link **links;
	uint32_t n_links;
	struct mirror_address *addresses;
	uint32_t n_addresses, addresses_max;
	struct mirror_neigh **neighs; /* by family, address, ifindex */
	uint32_t n_neighs, neighs_max;
	uint32_t refresh_at; /* next neighbour to look at */

	struct mirror_pool hops, targets, paths, objects;
	uint32_t local_hop;
	uint32_t n_unnumbered; /* hops and groups without a number */

	struct mirror_pool lists;
	uint64_t list_bytes;
	struct pdp_fib_prefix wide[MIRROR_WIDE_MAX]; /* of table local, IPv6, shorter than /128 */
	uint32_t n_wide;

	struct mirror_msg batch[MIRROR_BATCH];
	uint32_t n_batch;
	struct mirror_msg memo_key; /* the last single path made */
	uint32_t memo;		    /* it, with a reference; 0: none */

	/* Dumps. */
	uint32_t wanted; /* bits of enum mirror_dump, for the next round */
	uint32_t round;	 /* that are still to be dumped in this one */
	bool round_full; /* of everything */
	bool round_ok;
	int dumping; /* enum mirror_dump; -1: none */
	uint32_t dump_seq;
	bool dump_spoilt;	   /* it will have to be done again */
	bool mark[MIRROR_N_DUMPS]; /* what "seen in this dump" is */
	uint32_t dump_other, dump_by_source, dump_rules, dump_routes;
	uint64_t round_ns, wanted_ms, ended_ms;
	uint32_t n_deleted; /* events of the family being dumped */
	uint32_t postponed; /* sweeps of IPv6 put off */
	uint32_t failures;  /* rounds in a row */
	bool complete;	    /* a round of everything is through */
	struct {	    /* deleted since the dump's last part */
		struct pdp_fib_prefix prefix;
		uint32_t path;
	} gone[MIRROR_GONE];
	uint32_t n_gone;

	uint64_t tick_ms;
	struct mirror_check *check;
	struct pdp_mirror_stats stats;
};

uint64_t mirror_now_ns(void);

/* Links and addresses. */
struct mirror_link *mirror_link_find(const struct pdp_mirror *m, int ifindex);
void mirror_link_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump);
/** A dump is through: what it did not mention goes; if it failed, nothing does. */
void mirror_links_swept(struct pdp_mirror *m, bool ok);
void mirror_address_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump);
void mirror_addresses_swept(struct pdp_mirror *m, bool ok);
void mirror_links_fini(struct pdp_mirror *m);
/** @return its name; "?" for none */
const char *mirror_link_name(const struct pdp_mirror *m, int ifindex);

/* Neighbours. */
const struct mirror_neigh *mirror_neigh_find(const struct pdp_mirror *m, int ifindex,
					     unsigned int family, const uint8_t *address);
/** Its MAC address may be used. */
bool mirror_neigh_valid(const struct mirror_neigh *n);
void mirror_neigh_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump);
void mirror_neighs_swept(struct pdp_mirror *m, bool ok);
/** What covers neighbours of this prefix may have changed. */
void mirror_neighs_reconsider(struct pdp_mirror *m, const struct pdp_fib_prefix *within);
/** Tell the kernel of the ones in use. */
void mirror_neighs_refresh(struct pdp_mirror *m, uint64_t now_ms);
void mirror_neighs_fini(struct pdp_mirror *m);

/* Hops. */
static inline struct mirror_hop *mirror_hop_at(const struct pdp_mirror *m, uint32_t hop)
{
	return mirror_pool_at(&m->hops, hop);
}

/** The hop of a key, with a new reference, made if there is none. @return 0: no memory */
uint32_t mirror_hop_get(struct pdp_mirror *m, const struct mirror_hop_key *key);
/** Only if it is there; no reference. */
uint32_t mirror_hop_find(const struct pdp_mirror *m, const struct mirror_hop_key *key);
/** A hop of its own for an object, with a reference. @return 0: no memory */
uint32_t mirror_hop_own(struct pdp_mirror *m, const struct mirror_hop_key *key, uint32_t object);
/** An object's hop becomes another, by one store. */
void mirror_hop_replace(struct pdp_mirror *m, uint32_t hop, const struct mirror_hop_key *key);
void mirror_hop_put(struct pdp_mirror *m, uint32_t hop);
/** Write anew what a link or neighbour decides. @param ifindex  0: all */
void mirror_hops_of_link(struct pdp_mirror *m, int ifindex);
void mirror_hops_of_neigh(struct pdp_mirror *m, int ifindex, unsigned int family,
			  const uint8_t *address);
uint64_t mirror_hop_id(const struct mirror_hop *hop);
/** Try to get numbers for those that have none. @return whether one got one */
bool mirror_hops_retry(struct pdp_mirror *m);

/* Targets and paths. */
static inline struct mirror_target *mirror_target_at(const struct pdp_mirror *m, uint32_t target)
{
	return mirror_pool_at(&m->targets, target);
}

static inline struct mirror_path *mirror_path_at(const struct pdp_mirror *m, uint32_t route)
{
	return mirror_pool_at(&m->paths, route & MIRROR_INDEX);
}

static inline const struct mirror_member *mirror_members(const struct mirror_target *t)
{
	return t->n > 1 ? t->members : &t->one;
}

/** What a message leads to, with a reference. @return 0: no memory, or bad */
uint32_t mirror_path_get(struct pdp_mirror *m, const struct mirror_msg *msg);
/** Only if it is there; no reference. @return 0: it is not */
uint32_t mirror_path_find(struct pdp_mirror *m, const struct mirror_msg *msg);
/** It has these next hops, dead or not. */
bool mirror_path_has_hops(const struct pdp_mirror *m, uint32_t path, const struct mirror_msg *msg);
/** The same path with these of its members less, as an IPv6 delete names them; with a reference.
 * @param left  out: members left. @return 0: none left, or no memory */
uint32_t mirror_path_less(struct pdp_mirror *m, uint32_t path, const struct mirror_msg *msg,
			  unsigned int *left);
/** Path of a neighbour's own prefix, with a reference. */
uint32_t mirror_path_of_neigh(struct pdp_mirror *m, const struct mirror_neigh *n);
void mirror_path_put(struct pdp_mirror *m, uint32_t path);
/** Of members, which are sorted; takes over their references. @return 0: no memory */
uint32_t mirror_target_of(struct pdp_mirror *m, struct mirror_member *members, unsigned int n);
uint32_t mirror_target_find(const struct pdp_mirror *m, struct mirror_member *members,
			    unsigned int n);
uint32_t mirror_target_of_object(struct pdp_mirror *m, uint32_t object);
void mirror_target_put(struct pdp_mirror *m, uint32_t target);
void mirror_memo_drop(struct pdp_mirror *m);
/** Groups without a number try again; all take over what their hops have now. */
bool mirror_targets_retry(struct pdp_mirror *m);
/** As pdp_fib_group_new(), but for the numbers that groups leave to others. */
int mirror_group_new(struct pdp_mirror *m, const struct pdp_fib_member *members, unsigned int n,
		     uint64_t id);
/** A member of one is dead. */
bool mirror_targets_any_dead(const struct pdp_mirror *m);

/* Next-hop objects. */
static inline struct mirror_object *mirror_object_at(const struct pdp_mirror *m, uint32_t object)
{
	return mirror_pool_at(&m->objects, object);
}
uint32_t mirror_object_find(const struct pdp_mirror *m, uint32_t id);
uint16_t mirror_object_number(const struct pdp_mirror *m, const struct mirror_object *o);
void mirror_object_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump);
void mirror_objects_swept(struct pdp_mirror *m, bool ok);
void mirror_objects_fini(struct pdp_mirror *m);
bool mirror_objects_retry(struct pdp_mirror *m);
/** Sum over objects, of what they lead to. */
uint64_t mirror_objects_digest(const struct pdp_mirror *m);

/* Routes of a prefix. */
void mirror_entry_load(const struct pdp_mirror *m, const struct pdp_fib_prefix *prefix,
		       struct mirror_entry *e);
/** From a route of the FIB. */
void mirror_entry_of(const struct pdp_mirror *m, const struct pdp_fib_route *route,
		     struct mirror_entry *e);
/** Takes over the caller's reference. @return 0 or -ENOMEM (the reference is given back) */
int mirror_entry_insert(struct pdp_mirror *m, struct mirror_entry *e, uint32_t at, uint32_t route);
/** The caller gives the path's reference back, behind mirror_entry_store(). @return it */
uint32_t mirror_entry_remove(struct pdp_mirror *m, struct mirror_entry *e, uint32_t at);
/** Write it back, and what the kernel would use into the FIB. */
void mirror_entry_store(struct pdp_mirror *m, struct mirror_entry *e);
/** What the kernel would use. @return index; n: none, and `why` */
uint32_t mirror_entry_best(const struct pdp_mirror *m, const struct mirror_entry *e,
			   enum pdp_mirror_why *why);
/** Store anew the prefixes whose number is not what it should be. @param within  NULL: all */
void mirror_rib_reinstall(struct pdp_mirror *m, unsigned int family,
			  const struct pdp_fib_prefix *within);
/** Remove routes that a predicate picks. @return how many */
uint32_t mirror_rib_remove(struct pdp_mirror *m, unsigned int family,
			   bool (*gone)(struct pdp_mirror *m, uint32_t route, uint64_t arg),
			   uint64_t arg);
/** All routes of a family look as if they were seen. */
void mirror_rib_mark_all(struct pdp_mirror *m, unsigned int family, bool mark);
void mirror_rib_fini(struct pdp_mirror *m);
bool mirror_covers(const struct pdp_fib_prefix *wide, const struct pdp_fib_prefix *p);

/* Messages. */
enum mirror_parsed mirror_route_parse(const struct nlmsghdr *nlh, struct mirror_msg *out);
/** Next hops of a message, at most MIRROR_MEMBERS_MAX, dead ones included.
 * @return how many; 0: it is bad */
unsigned int mirror_route_hops(const struct mirror_msg *msg, struct mirror_hop_key *keys,
			       struct mirror_member *members);
void mirror_route_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump);
void mirror_batch_flush(struct pdp_mirror *m);
/** One route into the RIB: mirror_route.c. */
void mirror_route_apply(struct pdp_mirror *m, const struct mirror_msg *msg);

/* The socket. */
/** @param netns_fd  -1: the caller's namespace. @return 0 or -errno */
int mirror_socket_open(struct pdp_mirror *m, int netns_fd, bool events);
/** Read once and handle what came. @return false: there was nothing */
bool mirror_socket_read(struct pdp_mirror *m);
/** Let the epoll wait for it, or not. */
void mirror_socket_listen(struct pdp_mirror *m, bool on);
int mirror_socket_send(struct pdp_mirror *m, struct nlmsghdr *nlh);

/* Dumps. */
/** A datagram, as it came; fuzz tests begin here. */
void mirror_datagram(struct pdp_mirror *m, const void *data, size_t size);
void mirror_want(struct pdp_mirror *m, uint32_t dumps);
/** An event that fits nothing, or a silent change: everything is to be dumped. */
void mirror_doubt(struct pdp_mirror *m);
/** When a round may begin; UINT64_MAX: none is wanted, or one is running. */
uint64_t mirror_round_ms(const struct pdp_mirror *m);
void mirror_round_begin(struct pdp_mirror *m);
/** From now on what has the sequence number `dump_seq` is of this dump. */
void mirror_dump_begin(struct pdp_mirror *m, enum mirror_dump d);
/** What did not get a number, or memory, tries again. */
void mirror_retry(struct pdp_mirror *m);

/* Made without a socket, for checks and fuzz tests. */
struct pdp_mirror *mirror_new(const struct pdp_mirror_params *params);

/* mirror_check.c */
bool mirror_check_run(struct pdp_mirror *m);
void mirror_check_cancel(struct pdp_mirror *m);

#endif /* MIRROR_PRIV_H */
