/* SPDX-License-Identifier: BSD-3-Clause */
/* Devargs of a loadgen port: the keys and their checks. Pure. Runs at probe. */
#include "loadgen_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*lg_set_fn)(struct lg_args *args, const char *key, const char *value,
			 struct lg_err *err);

static int set_rate(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	if (strcmp(value, "max") == 0) {
		a->rate_pps = 0;
		return 0;
	}
	return lg_parse_number(key, value, 0, 1000000000000ull, &a->rate_pps, err);
}

/* "14m" packets, or "10gbps" */
static int set_tx_rate(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	size_t digits = strlen(value);
	char number[32];

	a->tx_rate_bits = digits > 3 && strcmp(value + digits - 3, "bps") == 0;
	if (a->tx_rate_bits)
		digits -= 3;
	snprintf(number, sizeof(number), "%.*s", (int)digits, value);
	if (lg_parse_number(key, number, 0, 1000000000000ull, &a->tx_rate, err) == 0 &&
	    (!a->tx_rate_bits || a->tx_rate >= 1000000))
		return 0;
	return lg_fail(err, -EINVAL,
		       "%s=%s is neither packets a second (1m) nor bits, at least 1mbps (10gbps)",
		       key, value);
}

static int set_size(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	static const uint16_t imix[LG_SIZES_MAX] = {64, 576, 1500};
	uint64_t n;

	if (strcmp(value, "imix") == 0) {
		memcpy(a->sizes, imix, sizeof(imix));
		a->n_sizes = LG_SIZES_MAX;
		return 0;
	}
	if (lg_parse_number(key, value, LG_SIZE_MIN, LG_SIZE_MAX, &n, err) != 0)
		return lg_fail(err, -EINVAL,
			       "%s=%s is neither imix nor a frame length without FCS from %d to %d",
			       key, value, LG_SIZE_MIN, LG_SIZE_MAX);
	a->sizes[0] = (uint16_t)n;
	a->n_sizes = 1;
	return 0;
}

static int set_word(const char *key, const char *value, const char *const words[2], bool *out,
		    struct lg_err *err)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(value, words[i]) == 0) {
			*out = i == 1;
			return 0;
		}
	}
	return lg_fail(err, -EINVAL, "%s=%s is neither %s nor %s", key, value, words[0], words[1]);
}

static int set_loop(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return set_word(key, value, (const char *const[]){"open", "closed"}, &a->closed, err);
}

static int set_arrivals(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return set_word(key, value, (const char *const[]){"even", "poisson"}, &a->poisson, err);
}

static int set_payload(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return set_word(key, value, (const char *const[]){"none", "full"}, &a->payload, err);
}

static int set_measure(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return lg_parse_bool(key, value, &a->measure, err);
}

static int set_start(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return lg_parse_bool(key, value, &a->start, err);
}

static int set_flows(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	uint64_t n = 0;
	int rc = lg_parse_number(key, value, 1, LG_FLOWS_MAX, &n, err);

	a->flows = (uint32_t)n;
	return rc;
}

static int set_count(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	int rc = lg_parse_number(key, value, 0, UINT64_MAX - 1, &a->count, err);

	if (a->count == 0)
		a->count = LG_ENDLESS;
	return rc;
}

static int set_rxq(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	uint64_t n = 0;
	int rc = lg_parse_number(key, value, 1, 1u << 20, &n, err);

	a->rxq = (uint32_t)n;
	return rc;
}

static int set_seed(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return lg_parse_number(key, value, 0, UINT64_MAX, &a->seed, err);
}

static int set_repeat(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	int rc = lg_parse_number(key, value, 0, 1ull << 40, &a->repeat, err);

	if (a->repeat == 0)
		a->repeat = LG_ENDLESS;
	return rc;
}

static int set_mtu(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	uint64_t n = 0;
	int rc = lg_parse_number(key, value, 576, LG_SIZE_MAX, &n, err);

	a->mtu = (uint16_t)n;
	return rc;
}

static int set_vrs(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	uint64_t n = 0;
	int rc = lg_parse_number(key, value, 1, LG_CLASSES_MAX, &n, err);

	a->vrs = (uint32_t)n;
	return rc;
}

static int set_mac(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	int rc = lg_parse_mac(key, value, a->mac, err);

	if (rc == 0 && (a->mac[0] & 1))
		return lg_fail(err, -EINVAL, "%s=%s is a group address, a port needs a unicast one",
			       key, value);
	a->has_mac = rc == 0;
	return rc;
}

static int set_string(char **out, const char *key, const char *value, struct lg_err *err)
{
	free(*out);
	*out = strdup(value);
	return *out != NULL ? 0 : lg_fail(err, -ENOMEM, "%s=%s: out of memory", key, value);
}

static int set_pcap(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return set_string(&a->pcap, key, value, err);
}

static int set_mix(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	return set_string(&a->mix, key, value, err);
}

static int set_profile(struct lg_args *a, const char *key, const char *value, struct lg_err *err)
{
	free(a->profile);
	a->profile = lg_profile_parse(value, LG_END_LOOP, err);
	return a->profile != NULL ? 0 : -errno;
}

static int set_profile_end(struct lg_args *a, const char *key, const char *value,
			   struct lg_err *err)
{
	static const char *const words[] = {
		[LG_END_LOOP] = "loop", [LG_END_HOLD] = "hold", [LG_END_STOP] = "stop"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(value, words[i]) == 0) {
			a->profile_end = (enum lg_profile_end)i;
			return 0;
		}
	}
	return lg_fail(err, -EINVAL, "%s=%s is not one of loop, hold, stop", key, value);
}

/* The port's keys; those of a class (lg_class_set()) may stand here too and are then every class's
 * default. */
static const struct {
	const char *key;
	lg_set_fn set;
} port_keys[] = {
	{"arrivals", set_arrivals},
	{"count", set_count},
	{"flows", set_flows},
	{"loop", set_loop},
	{"mac", set_mac},
	{"measure", set_measure},
	{"mix", set_mix},
	{"mtu", set_mtu},
	{"payload", set_payload},
	{"pcap", set_pcap},
	{"profile", set_profile},
	{"rate", set_rate},
	{"profile_end", set_profile_end},
	{"repeat", set_repeat},
	{"rxq", set_rxq},
	{"seed", set_seed},
	{"size", set_size},
	{"start", set_start},
	{"tx_rate", set_tx_rate},
	{"vrs", set_vrs},
};

static int set_key(struct lg_args *args, const char *key, const char *value, struct lg_err *err)
{
	int rc;

	for (size_t i = 0; i < sizeof(port_keys) / sizeof(port_keys[0]); i++)
		if (strcmp(key, port_keys[i].key) == 0)
			return port_keys[i].set(args, key, value, err);
	rc = lg_class_set(args, &args->base, key, value, err);
	if (rc != LG_NO_KEY)
		return rc;
	return lg_fail(
		err, -EINVAL,
		"%s=%s: there is no key %s; keys are rate size flows src dst dst_file mix "
		"vrs profile "
		"profile_end pcap mtu repeat count loop arrivals rxq payload measure start seed "
		"tx_rate mac, and those of a "
		"mix entry (see drivers/net/loadgen/README.md)",
		key, value, key);
}

static int check(struct lg_args *a, struct lg_err *err)
{
	if (a->profile != NULL)
		a->profile->end = a->profile_end;
	if (a->profile != NULL && a->rate_pps != 0)
		return lg_fail(err, -EINVAL,
			       "rate and profile are both given, only one can set the rate");
	if (a->profile != NULL && a->closed)
		return lg_fail(err, -EINVAL, "profile needs loop=open: a closed loop has no clock");
	if (a->closed && a->rate_pps != 0)
		return lg_fail(err, -EINVAL,
			       "rate=%llu needs loop=open: a closed loop is as fast as it is read",
			       (unsigned long long)a->rate_pps);
	if (a->poisson && a->profile == NULL && a->rate_pps == 0)
		return lg_fail(err, -EINVAL, "arrivals=poisson needs a rate or a profile");
	if (a->pcap != NULL && (a->mix != NULL || a->vrs != 1))
		return lg_fail(
			err, -EINVAL,
			"pcap=%s replays frames as they are, %s makes them: give one of the two",
			a->pcap, a->mix != NULL ? "mix" : "vrs");
	if (a->mtu != 0 && a->pcap == NULL)
		return lg_fail(err, -EINVAL, "mtu=%u is for a pcap, made frames have a size",
			       a->mtu);
	return 0;
}

static void set_defaults(struct lg_args *a)
{
	static const uint8_t inner_dst[6] = {0x02, 0x50, 0x44, 0x50, 0x10, 0x01};
	static const uint8_t inner_src[6] = {0x02, 0x50, 0x44, 0x50, 0x10, 0x02};

	memset(a, 0, sizeof(*a));
	a->measure = a->payload = a->start = true;
	a->sizes[0] = 64;
	a->n_sizes = 1;
	a->flows = 1;
	a->count = LG_ENDLESS;
	a->repeat = 1;
	a->vrs = 1;
	a->seed = 1;
	a->base.weight = 1;
	a->base.inner_ip = true;
	memcpy(a->base.inner_dst_mac, inner_dst, 6);
	memcpy(a->base.inner_src_mac, inner_src, 6);
}

int lg_args_parse(const char *str, struct lg_args *args, struct lg_err *err)
{
	char *text, *save = NULL, *value;
	int rc = 0;

	set_defaults(args);
	text = strdup(str != NULL ? str : "");
	if (text == NULL)
		return lg_fail(err, -ENOMEM, "out of memory");
	/* Not rte_kvargs: it splits a value again at '=', and stops at 32 pairs. */
	for (char *pair = strtok_r(text, ",", &save); pair != NULL && rc == 0;
	     pair = strtok_r(NULL, ",", &save)) {
		value = strchr(pair, '=');
		if (value == NULL || value == pair || value[1] == '\0') {
			rc = lg_fail(err, -EINVAL, "'%s' is not key=value", pair);
			break;
		}
		*value++ = '\0';
		rc = set_key(args, pair, value, err);
	}
	free(text);
	if (rc == 0)
		rc = check(args, err);
	return rc != 0 ? rc : lg_mix_expand(args, err);
}

void lg_args_free(struct lg_args *args)
{
	struct lg_prefixes *next;

	for (struct lg_prefixes *l = args->lists; l != NULL; l = next) {
		next = l->next;
		free(l);
	}
	free(args->profile);
	free(args->pcap);
	free(args->mix);
	free(args->classes);
	memset(args, 0, sizeof(*args));
}
