/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside lib/config: the table of keys, places in the text, and the decoder that walks the one by
 * the other.
 *
 * Thread: one decoder is used by one thread.
 */
#ifndef CONFIG_PRIV_H
#define CONFIG_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <pdp_config.h>

/** A place in the JSON text: a chain from the value up to the top, on the stack of who descends. */
struct where {
	const struct where *up; /**< NULL: a member of the top object */
	const char *key;	/**< name of the member; NULL: an element of a list */
	size_t index;		/**< number of the element */
};

/** State of one decoding. */
struct decoder {
	const char *text; /**< NULL: there is none, messages have no line */
	size_t size;
	const char *name; /**< stands for the file in messages */
	const struct pdp_config_env *env;
	struct pdp_config_error *err;
	struct pdp_config *config;
};

/* where.c */

/**
 * Say what is wrong at a place.
 * @param where   NULL: the top object
 * @param format  a sentence with the remedy
 * @return -1
 */
int where_fail(const struct decoder *d, const struct where *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Say what is wrong with the text as JSON. @param error as jansson filled it @return -1 */
int where_fail_syntax(const struct decoder *d, const json_error_t *error);

/** Refuse a zero byte, which jansson steps over in places. @param at where it is in d->text @return
 * -1 */
int where_fail_zero(const struct decoder *d, const char *at);

/** Write a place as text, "vrs[0].vifs[1]"; cut off where it does not fit. */
void where_format(const struct where *where, char *out, size_t size);

/** Fill in the lines of all ports, VRs and vifs of d->config. */
void where_fill_lines(const struct decoder *d);

/** Make text of the input fit for a message: no control characters, not too long. @return out */
const char *where_quote(const char *text, char *out, size_t size);

/* keys.c */

enum key_type {
	KEY_UINT,
	KEY_ENGINES, /**< a number, or a range as text: "1..4" */
	KEY_WINDOW,  /**< a number, or "full", which is 0 */
	KEY_BOOL,
	KEY_FLAG, /**< a boolean that is the bit `max` of an integer */
	KEY_CHOICE,
	KEY_NAME, /**< of node, VR, vif */
	KEY_TEXT,
	KEY_MAC,
	KEY_IP,
	KEY_SECTION, /**< an object with keys of its own, in the same structure */
	KEY_LIST,    /**< a list of such objects: pointer to a new array, and a count */
	KEY_CPUS,
	KEY_PREFIXES,
	KEY_WEIGHTS,
	KEY_ARGS,
	KEY_PLUGIN,
	KEY_PORT,
	KEY_BALANCE,
	KEY_NETNS,
	KEY_N_TYPES
};

/** Carriers that a vif's key fits, as bits; 0: it does not depend on the carrier. */
#define ON(carrier)	    (1u << (carrier))
#define ON_RAW		    ON(PDP_CARRIER_RAW)
#define ON_VLAN		    ON(PDP_CARRIER_VLAN)
#define ON_UDP		    ON(PDP_CARRIER_UDP)
#define ON_VXLAN	    ON(PDP_CARRIER_VXLAN)
#define ON_TUNNEL	    (ON_UDP | ON_VXLAN)
#define CARRIER_NAMES_SIZE  64
#define CONFIG_FILE_MAX	    (16u << 20) /**< longest configuration, bytes */
#define CONFIG_ARGS_MAX	    65535u	/**< longest "args", bytes */
#define PDP_PLUGIN_KERNEL   "kernel"	/**< is no file: the VR has no engines */
#define CONFIG_PREFIXES_MAX 65536u	/**< source prefixes of one vif */
#define CONFIG_ALLOW_MAX    64u		/**< prefixes that one vif may send from */

struct section;

/** One key: all that decoding, messages and the reference (config/README.md) need to know of it. */
struct key {
	const char *name;
	enum key_type type;
	uint16_t offset;	    /**< of the value in the section's structure */
	uint16_t size;		    /**< of the value, bytes */
	uint16_t count_offset;	    /**< KEY_LIST and kin: where the count is */
	uint32_t min, max;	    /**< value or count of elements */
	bool live;		    /**< may change while the node runs */
	bool required;		    /**< with `carriers`: where it fits */
	uint8_t carriers;	    /**< ON_* */
	const char *def;	    /**< default as JSON text; NULL: see def_words */
	const char *def_words;	    /**< default for the reference, where it is no JSON text */
	const char *noun;	    /**< "a VLAN id" */
	const char *const *choices; /**< KEY_CHOICE: names by value, NULL where a value has none */
	unsigned int n_choices;	    /**< length of choices */
	const struct section *section; /**< KEY_SECTION, KEY_LIST */
};

struct section {
	const char *path; /**< in the reference: "vrs[].vifs[]" */
	const struct key *keys;
	unsigned int n_keys;
	size_t size; /**< of the structure */
	/** Checks that need several keys, after all were decoded. @return 0, or -1 with d->err
	 * filled */
	int (*check)(struct decoder *d, const struct where *where, json_t *obj, void *base);
};

extern const struct section config_top;
extern const struct section config_vr;
extern const struct section config_vif; /**< of one vif */

/** Tell every key, as config/README.md lists it. */
void config_keys_each(void (*fn)(void *arg, const char *path, const char *type, const char *def,
				 const char *range),
		      void *arg);

/** Names of a set of ON_* bits. @return out */
const char *config_carrier_names(unsigned int mask, const char *between,
				 char out[CARRIER_NAMES_SIZE]);

/** The key of a section by name, or NULL. */
const struct key *config_key_find(const struct section *section, const char *name);

/* value.c: one decoder a type. @return 0, or -1 with d->err filled */

typedef int (*value_fn)(struct decoder *d, const struct key *key, const struct where *where,
			json_t *value, void *base);

extern const value_fn config_value_fns[KEY_N_TYPES];

/** Fail because of a wrong type. @param wanted "a string" */
int value_fail_type(const struct decoder *d, const struct where *where, const json_t *value,
		    const char *wanted);

/* value_list.c: the types that are lists. */
int value_cpus(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
	       void *base);
int value_prefixes(struct decoder *d, const struct key *key, const struct where *where,
		   json_t *value, void *base);
int value_weights(struct decoder *d, const struct key *key, const struct where *where,
		  json_t *value, void *base);

/* plugin.c */
int value_plugin(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
		 void *base);

/* check_netns.c */
int value_netns(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
		void *base);

/* decode.c */
int config_decode_section(struct decoder *d, const struct section *section,
			  const struct where *where, json_t *obj, void *base);
int value_section(struct decoder *d, const struct key *key, const struct where *where,
		  json_t *value, void *base);
int value_list(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
	       void *base);

/* check.c, check_limit.c, check_vif.c: what needs several keys */
int check_top(struct decoder *d, const struct where *where, json_t *obj, void *base);
int check_port(struct decoder *d, const struct where *where, json_t *obj, void *base);
int check_vr(struct decoder *d, const struct where *where, json_t *obj, void *base);
int check_vr_limit(struct decoder *d, const struct where *where, json_t *obj, void *base);
int check_vif_limit(struct decoder *d, const struct where *where, json_t *obj, void *base);
/** What hangs together in how a VR's engines come, go and share; `obj` tells what was given. */
int check_vr_load(struct decoder *d, const struct where *where, json_t *obj,
		  struct pdp_vr_config *vr);
/** Tunnels without remote_mac need a kernel that finds it. */
int check_neighbours(struct decoder *d);
/** A VR's control plane: its namespace is its own, its vifs can be interfaces there. */
int check_vr_netns(struct decoder *d, const struct where *where, const struct pdp_vr_config *vr);
int check_vr_cpus(struct decoder *d, const struct where *where, const struct pdp_vr_config *vr);
int check_vif(struct decoder *d, const struct where *where, json_t *obj, void *base);

/** Refuse vifs of all VRs that match the same packets. */
int check_overlap(struct decoder *d);

#endif /* CONFIG_PRIV_H */
