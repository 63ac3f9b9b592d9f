/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of all keys of a configuration. Decoding, messages and the test of config/README.md go
 * by it; a key is added here, in the structure it is stored in, and in the reference.
 */
#include "config_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define N(array)		(sizeof(array) / sizeof((array)[0]))
#define AT(type, member)	.offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define COUNT(type, member)	.count_offset = offsetof(type, member)
#define CHOICES(array)		.choices = (array), .n_choices = N(array)
#define SECTION_OF(array, type) .keys = (array), .n_keys = N(array), .size = sizeof(type)

static const char *const md_polls[] = {[PDP_POLL_BUSY] = "busy", [PDP_POLL_ADAPTIVE] = "adaptive"};
static const char *const polls[] = {
	[PDP_POLL_AUTO] = "auto", [PDP_POLL_BUSY] = "busy", [PDP_POLL_ADAPTIVE] = "adaptive"};
static const char *const policies[] = {[PDP_POLICY_FIXED] = "fixed",
				       [PDP_POLICY_THRESHOLD] = "threshold",
				       [PDP_POLICY_DYNAMIC] = "dynamic"};
static const char *const isolations[] = {
	[PDP_ISOLATION_SECONDARY] = "secondary", [PDP_ISOLATION_SEALED] = "sealed"};
static const char *const orders[] = {[PDP_ORDER_NONE] = "none", [PDP_ORDER_RESTORE] = "restore"};
static const char *const hashes[] = {
	[PDP_HASH_INNER] = "inner", [PDP_HASH_OUTER] = "outer", [PDP_HASH_SYMMETRIC] = "symmetric"};
static const char *const kinds[] = {[PDP_VIF_ETHERNET] = "ethernet", [PDP_VIF_IP] = "ip"};
static const char *const carriers[] = {[PDP_CARRIER_RAW] = "raw",
				       [PDP_CARRIER_VLAN] = "vlan",
				       [PDP_CARRIER_UDP] = "udp",
				       [PDP_CARRIER_VXLAN] = "vxlan"};

#define CPUS_OF(type, member) AT(type, member.cpus), COUNT(type, member.n)
#define CPUS(member)	      CPUS_OF(struct pdp_config, member)

static const struct key cpus_keys[] = {
	{"engines", KEY_CPUS, CPUS(engine_cpus), .max = PDP_CPU_MAX,
	 .def_words = "all CPUs of the process but those of MD lcores, nearest first"},
	{"control", KEY_CPUS, CPUS(control_cpus), .max = PDP_CPU_MAX, .def = "[]"},
	{"share_md", KEY_BOOL, AT(struct pdp_config, share_md), .def = "false"},
};
static const struct section cpus_section = {"cpus", SECTION_OF(cpus_keys, struct pdp_config)};

static const struct key md_keys[] = {
	{"poll", KEY_CHOICE, AT(struct pdp_config, md_poll), .def = "\"busy\"", CHOICES(md_polls)},
};
static const struct section md_section = {"md", SECTION_OF(md_keys, struct pdp_config)};

static const struct key pool_keys[] = {
	{"packets", KEY_UINT, AT(struct pdp_config, pool_packets), .max = 1u << 27, .def = "0",
	 .noun = "a number of packets"},
	{"packet_size", KEY_UINT, AT(struct pdp_config, pool_packet_size), .max = 65280, .def = "0",
	 .noun = "a packet size"},
};
static const struct section pool_section = {"pool", SECTION_OF(pool_keys, struct pdp_config)};

static const struct key mh_keys[] = {
	{"keep", KEY_BOOL, AT(struct pdp_config, mh_keep), .def = "true"},
};
static const struct section mh_section = {"mh", SECTION_OF(mh_keys, struct pdp_config)};

#define PORT(member) AT(struct pdp_port_config, member)

#define MONITOR(member) AT(struct pdp_config, monitor.member)

static const struct key monitor_keys[] = {
	{"period_ms", KEY_UINT, MONITOR(period_ms), .min = 10, .max = 60000, .def = "100",
	 .noun = "a period"},
	{"tau_ms", KEY_UINT, MONITOR(params.tau_ms), .max = 600000, .def = "1000",
	 .noun = "a time constant"},
	{"dwell_ms", KEY_UINT, MONITOR(params.dwell_ms), .max = 600000, .def = "1000",
	 .noun = "a time"},
	{"hysteresis_pct", KEY_UINT, MONITOR(params.hysteresis_pct), .max = 100, .def = "10",
	 .noun = "a part of an engine in percent"},
	{"dry_run", KEY_BOOL, MONITOR(dry_run), .def = "false"},
};
static const struct section monitor_section = {"monitor",
					       SECTION_OF(monitor_keys, struct pdp_config)};

#define SANDBOX(member) AT(struct pdp_config, sandbox.member)

static const char *const limits[] = {
	[PDP_LIMITS_CGROUP] = "cgroup", [PDP_LIMITS_PROCESS] = "process"};
static const struct key sandbox_keys[] = {
	{"uid_base", KEY_UINT, SANDBOX(uid_base), .min = 1, .max = 4294960000, .def = "1900000000",
	 .noun = "a user id"},
	{"memory_mb", KEY_UINT, SANDBOX(memory_mb), .min = 8, .max = 1u << 20, .def = "256",
	 .noun = "an amount of memory in MB"},
	{"pids", KEY_UINT, SANDBOX(pids), .min = 1, .max = 4096, .def = "16",
	 .noun = "a number of threads"},
	{"limits", KEY_CHOICE, SANDBOX(limits), .def = "\"cgroup\"", CHOICES(limits)},
};
static const struct section sandbox_section = {"sandbox",
					       SECTION_OF(sandbox_keys, struct pdp_config)};

static const struct key port_keys[] = {
	{"name", KEY_TEXT, PORT(name), .required = true},
	{"mtu", KEY_UINT, PORT(mtu), .min = 68, .max = 9600, .def = "1500", .noun = "an MTU"},
	{"rx_queues", KEY_UINT, PORT(rx_queues), .max = 128, .def = "0",
	 .noun = "a number of queues"},
	{"descriptors", KEY_UINT, PORT(descriptors), .min = 32, .max = 32768, .def = "1024",
	 .noun = "a number of descriptors"},
	{"promiscuous", KEY_BOOL, PORT(promiscuous), .def = "true"},
};
static const struct section port_section = {
	"ports[]", SECTION_OF(port_keys, struct pdp_port_config), .check = check_port};

#define VIF(member)  AT(struct pdp_vif_config, member)
#define CONF(member) AT(struct pdp_vif_config, conf.member)

/* The same of a vif and of a VR. */
#define LIMIT_KEYS(type)                                 \
	{"pps",                                          \
	 KEY_UINT,                                       \
	 AT(type, limit.pps),                            \
	 .min = 1,                                       \
	 .max = 1000000000,                              \
	 .noun = "a rate in packets a second",           \
	 .def_words = "no limit of packets"},            \
		{"kbps",                                 \
		 KEY_UINT,                               \
		 AT(type, limit.kbps),                   \
		 .min = 1,                               \
		 .max = 1000000000,                      \
		 .noun = "a rate in 1000 bits a second", \
		 .def_words = "no limit of bits"},       \
		{"burst",                                \
		 KEY_UINT,                               \
		 AT(type, limit.burst),                  \
		 .min = 1,                               \
		 .max = 1000000000,                      \
		 .noun = "a number of packets or bytes", \
		 .def_words = "10 ms of the rate, at least 64 packets or 16 longest frames"},

static const struct key vif_limit_keys[] = {LIMIT_KEYS(struct pdp_vif_config)};
static const struct section vif_limit_section = {"vrs[].vifs[].rate_limit",
						 SECTION_OF(vif_limit_keys, struct pdp_vif_config),
						 .check = check_vif_limit};

static const struct key allow_keys[] = {
	{"prefixes", KEY_PREFIXES, VIF(allow_prefixes),
	 COUNT(struct pdp_vif_config, n_allow_prefixes), .min = 1, .max = CONFIG_ALLOW_MAX,
	 .def_words = "any address"},
	{"mac", KEY_MAC, VIF(allow_mac), .def_words = "any MAC"},
};
static const struct section allow_section = {"vrs[].vifs[].allow_src",
					     SECTION_OF(allow_keys, struct pdp_vif_config)};

static const struct key vif_keys[] = {
	{"name", KEY_NAME, CONF(name), .required = true},
	{"port", KEY_PORT, CONF(port), .required = true},
	{"kind", KEY_CHOICE, CONF(kind), .def = "\"ethernet\"", CHOICES(kinds)},
	{"carrier", KEY_CHOICE, CONF(carrier), .def = "\"raw\"", CHOICES(carriers)},
	{"source", KEY_PREFIXES, VIF(prefixes), COUNT(struct pdp_vif_config, n_prefixes), .min = 1,
	 .max = CONFIG_PREFIXES_MAX, .carriers = ON_RAW, .def_words = "the whole port"},
	{"mtu", KEY_UINT, CONF(mtu), .min = 68, .max = 9600, .noun = "an MTU",
	 .def_words = "the port's less what the carrier puts in front"},
	{"mac", KEY_MAC, CONF(mac), .def_words = "the port's; in tunnels one made up"},
	{"peer_mac", KEY_MAC, CONF(peer_mac),
	 .def_words = "required for kind ip in raw, vlan, vxlan"},
	{"vlan", KEY_UINT, CONF(vlan), .min = 1, .max = 4094, .noun = "a VLAN id", .required = true,
	 .carriers = ON_VLAN},
	{"udp_port", KEY_UINT, CONF(udp_port), .min = 1, .max = 65535, .noun = "a UDP port",
	 .carriers = ON_TUNNEL, .def_words = "4789 in vxlan; required in udp"},
	{"remote_udp_port", KEY_UINT, CONF(remote_udp_port), .min = 1, .max = 65535,
	 .noun = "a UDP port", .carriers = ON_TUNNEL, .def_words = "as udp_port"},
	{"vni", KEY_UINT, CONF(vni), .max = 0xffffff, .noun = "a VNI", .required = true,
	 .carriers = ON_VXLAN},
	{"local", KEY_IP, CONF(local), .required = true, .carriers = ON_TUNNEL},
	{"remote", KEY_IP, CONF(remote), .required = true, .carriers = ON_TUNNEL},
	{"remote_mac", KEY_MAC, CONF(remote_mac), .carriers = ON_TUNNEL,
	 .def_words = "found by the kernel of the port's VR of plugin `kernel`"},
	{"ttl", KEY_UINT, CONF(ttl), .min = 1, .max = 255, .noun = "a TTL", .def = "64",
	 .carriers = ON_TUNNEL},
	{"check_remote", KEY_FLAG, CONF(flags), .max = PDP_VIF_CHECK_REMOTE, .def = "true",
	 .carriers = ON_TUNNEL},
	{"rate_limit", KEY_SECTION, .def = "{}", .section = &vif_limit_section},
	{"allow_src", KEY_SECTION, .section = &allow_section, .carriers = ON_RAW,
	 .def_words = "whatever it sends"},
};
const struct section config_vif = {"vrs[].vifs[]", SECTION_OF(vif_keys, struct pdp_vif_config),
				   .check = check_vif};

#define VR(member) AT(struct pdp_vr_config, member)

static const struct key vr_limit_keys[] = {LIMIT_KEYS(struct pdp_vr_config)};
static const struct section vr_limit_section = {"vrs[].rate_limit",
						SECTION_OF(vr_limit_keys, struct pdp_vr_config),
						.check = check_vr_limit};

#define PUNT_KEYS(name, cls, def_pps, def_burst)                                                  \
	{name,                                                                                    \
	 KEY_UINT,                                                                                \
	 AT(struct pdp_vr_config, punt[cls].pps),                                                 \
	 .min = 1,                                                                                \
	 .max = 1000000000,                                                                       \
	 .def = def_pps,                                                                          \
	 .noun = "a rate in packets a second"},                                                   \
	{                                                                                         \
		name "_burst", KEY_UINT, AT(struct pdp_vr_config, punt[cls].burst),               \
			.min = 1, .max = 1000000, .def = def_burst, .noun = "a number of packets" \
	}

static const struct key vr_punt_keys[] = {
	PUNT_KEYS("routing", PDP_PUNT_ROUTING, "20000", "1000"),
	PUNT_KEYS("arp_nd", PDP_PUNT_ARP_ND, "1000", "200"),
	PUNT_KEYS("other", PDP_PUNT_OTHER, "2000", "200"),
};
static const struct section vr_punt_section = {"vrs[].punt",
					       SECTION_OF(vr_punt_keys, struct pdp_vr_config)};

static const struct key vr_keys[] = {
	{"name", KEY_NAME, VR(name), .required = true},
	{"plugin", KEY_PLUGIN, VR(plugin), .required = true},
	{"args", KEY_ARGS, VR(args), .def = "{}"},
	{"engines", KEY_ENGINES, .live = true, VR(engines),
	 COUNT(struct pdp_vr_config, engines_min), .max = PDP_MONITOR_ENGINES_MAX, .def = "1",
	 .noun = "a number of engines"},
	{"standby", KEY_UINT, .live = true, VR(standby), .max = PDP_MONITOR_ENGINES_MAX,
	 .noun = "a number of engines", .def_words = "`1` for a range of engines, else `0`"},
	{"policy", KEY_CHOICE, .live = true, VR(policy), CHOICES(policies),
	 .def_words = "`fixed` for a number of engines, `dynamic` for a range"},
	{"threshold_pps", KEY_UINT, .live = true, VR(threshold_pps), .min = 1, .max = 1000000000,
	 .def = "60000", .noun = "a rate in packets a second"},
	{"target_pct", KEY_UINT, .live = true, VR(target_pct), .min = 1, .max = 100, .def = "80",
	 .noun = "a utilization in percent"},
	{"power", KEY_UINT, .live = true, VR(power), .max = 100 * PDP_MONITOR_ENGINES_MAX,
	 .def = "0", .noun = "a percentage of one engine CPU"},
	{"strict", KEY_BOOL, VR(strict), .def = "false"},
	{"watchdog_ms", KEY_UINT, .live = true, VR(watchdog_ms), .max = 60000, .def = "10",
	 .noun = "a time"},
	{"lies_max", KEY_UINT, .live = true, VR(lies_max), .max = 1000000000, .def = "1000",
	 .noun = "a number of protocol errors"},
	{"deaths_max", KEY_UINT, .live = true, VR(deaths_max), .max = 1000000, .def = "5",
	 .noun = "a number of deaths"},
	{"core_dumps", KEY_BOOL, .live = true, VR(core_dumps), .def = "false"},
	{"exclusive", KEY_BOOL, .live = true, VR(exclusive), .def = "false"},
	{"cpus", KEY_CPUS, .live = true, CPUS_OF(struct pdp_vr_config, cpus), .max = PDP_CPU_MAX,
	 .def_words = "all of `cpus.engines`"},
	{"isolation", KEY_CHOICE, VR(isolation), .def = "\"secondary\"", CHOICES(isolations)},
	{"window", KEY_WINDOW, VR(window), .min = 64, .max = 9600, .def = "128",
	 .noun = "a number of bytes"},
	{"balance", KEY_BALANCE, .live = true, VR(balance), .def = "\"flow-jsq\""},
	{"order", KEY_CHOICE, .live = true, VR(order), .def = "\"none\"", CHOICES(orders)},
	{"hash", KEY_CHOICE, VR(hash), .def = "\"inner\"", CHOICES(hashes)},
	{"weights", KEY_WEIGHTS, .live = true, VR(weights), COUNT(struct pdp_vr_config, n_weights),
	 .min = 1, .max = 1000, .noun = "a weight", .def_words = "all engines equal"},
	{"slots", KEY_UINT, VR(slots), .min = 2, .max = 32768, .def = "1024",
	 .noun = "a number of slots"},
	{"blank_slots", KEY_UINT, VR(blank_slots), .max = 1024, .def = "32",
	 .noun = "a number of slots"},
	{"poll", KEY_CHOICE, VR(poll), .def = "\"auto\"", CHOICES(polls)},
	{"rate_limit", KEY_SECTION, .live = true, .def = "{}", .section = &vr_limit_section},
	{"netns", KEY_NETNS, VR(netns), .def_words = "no control plane: what is punted is dropped"},
	{"punt", KEY_SECTION, .live = true, .def = "{}", .section = &vr_punt_section},
	{"vifs", KEY_LIST, VR(vifs), COUNT(struct pdp_vr_config, n_vifs), .min = 1,
	 .max = PDP_VIF_MAX, .required = true, .section = &config_vif},
};
const struct section config_vr = {"vrs[]", SECTION_OF(vr_keys, struct pdp_vr_config),
				  .check = check_vr};

#define TOP(member) AT(struct pdp_config, member)

/* In the order of decoding: vifs name ports. */
static const struct key top_keys[] = {
	{"node", KEY_NAME, TOP(node), .def = "\"pdp\""},
	{"cpus", KEY_SECTION, .def = "{}", .section = &cpus_section},
	{"md", KEY_SECTION, .def = "{}", .section = &md_section},
	{"monitor", KEY_SECTION, .def = "{}", .section = &monitor_section},
	{"pool", KEY_SECTION, .def = "{}", .section = &pool_section},
	{"mh", KEY_SECTION, .def = "{}", .section = &mh_section},
	{"sandbox", KEY_SECTION, .def = "{}", .section = &sandbox_section},
	{"ports", KEY_LIST, TOP(ports), COUNT(struct pdp_config, n_ports), .max = PDP_PORTS_MAX,
	 .def = "[]", .section = &port_section},
	{"vrs", KEY_LIST, TOP(vrs), COUNT(struct pdp_config, n_vrs), .max = PDP_VRS_MAX,
	 .def = "[]", .section = &config_vr},
};
const struct section config_top = {"", SECTION_OF(top_keys, struct pdp_config), .check = check_top};

const struct key *config_key_find(const struct section *section, const char *name)
{
	for (unsigned int i = 0; i < section->n_keys; i++) {
		if (strcmp(section->keys[i].name, name) == 0)
			return &section->keys[i];
	}
	return NULL;
}

const char *config_carrier_names(unsigned int mask, const char *between,
				 char out[CARRIER_NAMES_SIZE])
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < N(carriers); i++) {
		if (mask & ON(i))
			n += (size_t)snprintf(out + n, CARRIER_NAMES_SIZE - n, "%s%s",
					      n > 0 ? between : "", carriers[i]);
	}
	return out;
}

static const char *const type_names[KEY_N_TYPES] = {
	[KEY_UINT] = "integer",
	[KEY_ENGINES] = "integer or range",
	[KEY_WINDOW] = "integer or `\"full\"`",
	[KEY_BOOL] = "boolean",
	[KEY_FLAG] = "boolean",
	[KEY_CHOICE] = "choice",
	[KEY_NAME] = "name",
	[KEY_TEXT] = "string",
	[KEY_MAC] = "MAC",
	[KEY_IP] = "IP address",
	[KEY_SECTION] = "object",
	[KEY_LIST] = "list",
	[KEY_CPUS] = "list",
	[KEY_PREFIXES] = "list",
	[KEY_WEIGHTS] = "list",
	[KEY_ARGS] = "object",
	[KEY_PLUGIN] = "string",
	[KEY_PORT] = "string",
	[KEY_BALANCE] = "string",
	[KEY_NETNS] = "string",
};

/* What values a key takes, for the reference. */
static void format_range(const struct key *key, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	switch (key->type) {
	case KEY_UINT:
	case KEY_ENGINES:
	case KEY_WINDOW:
		snprintf(out, size, "%" PRIu32 "..%" PRIu32, key->min, key->max);
		break;
	case KEY_LIST:
	case KEY_PREFIXES:
		snprintf(out, size, "%" PRIu32 "..%" PRIu32 " elements", key->min, key->max);
		break;
	case KEY_WEIGHTS:
		snprintf(out, size, "%" PRIu32 "..%" PRIu32 " each", key->min, key->max);
		break;
	case KEY_CPUS:
		snprintf(out, size, "CPUs of the machine");
		break;
	case KEY_CHOICE:
		for (unsigned int i = 0; i < key->n_choices && n < size; i++) {
			if (key->choices[i] != NULL)
				n += (size_t)snprintf(out + n, size - n, "%s`%s`",
						      n > 0 ? ", " : "", key->choices[i]);
		}
		break;
	default:
		break;
	}
}

static void format_required(const struct key *key, char *out, size_t size)
{
	char names[CARRIER_NAMES_SIZE];

	if (key->carriers == 0)
		snprintf(out, size, "required");
	else
		snprintf(out, size, "required in %s",
			 config_carrier_names(key->carriers, ", ", names));
}

static void tell_section(const struct section *section,
			 void (*fn)(void *arg, const char *path, const char *type, const char *def,
				    const char *range),
			 void *arg)
{
	char path[128], def[128], range[128];

	for (unsigned int i = 0; i < section->n_keys; i++) {
		const struct key *key = &section->keys[i];

		snprintf(path, sizeof(path), "%s%s%s", section->path,
			 section->path[0] != '\0' ? "." : "", key->name);
		if (key->def != NULL)
			snprintf(def, sizeof(def), "`%s`", key->def);
		else if (key->def_words != NULL)
			snprintf(def, sizeof(def), "%s", key->def_words);
		else
			format_required(key, def, sizeof(def));
		format_range(key, range, sizeof(range));
		fn(arg, path, type_names[key->type], def, range);
		if (key->section != NULL)
			tell_section(key->section, fn, arg);
	}
}

void config_keys_each(void (*fn)(void *arg, const char *path, const char *type, const char *def,
				 const char *range),
		      void *arg)
{
	tell_section(&config_top, fn, arg);
}
