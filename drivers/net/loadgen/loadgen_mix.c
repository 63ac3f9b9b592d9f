/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mix: which encapsulations with what weight, one class each. Pure. Runs at probe.
 * An entry is kind[:identifiers][:key=value]...[@weight]; entries are joined by '+', or stand one a
 * line in a file. A ':' separates fields only in front of "key=", so that addresses keep theirs.
 */
#include "loadgen_args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int class_set_mac(struct lg_class *cls, const char *key, const char *value,
			 struct lg_err *err)
{
	int rc;

	if (strcmp(key, "dst_mac") == 0) {
		rc = lg_parse_mac(key, value, cls->dst_mac, err);
		cls->has_dst_mac = rc == 0;
		return rc;
	}
	if (strcmp(key, "src_mac") == 0) {
		rc = lg_parse_mac(key, value, cls->src_mac, err);
		cls->has_src_mac = rc == 0;
		return rc;
	}
	if (strcmp(key, "inner_dst_mac") == 0)
		return lg_parse_mac(key, value, cls->inner_dst_mac, err);
	if (strcmp(key, "inner_src_mac") == 0)
		return lg_parse_mac(key, value, cls->inner_src_mac, err);
	return LG_NO_KEY;
}

static int class_set_number(struct lg_class *cls, const char *key, const char *value,
			    struct lg_err *err)
{
	uint64_t n = 0;
	int rc;

	if (strcmp(key, "flows") == 0) {
		rc = lg_parse_number(key, value, 1, LG_FLOWS_MAX, &n, err);
		cls->flows = (uint32_t)n;
		return rc;
	}
	if (strcmp(key, "outer_sport") == 0) {
		rc = lg_parse_number(key, value, 0, UINT16_MAX, &n, err);
		cls->outer_sport = (uint32_t)n;
		return rc;
	}
	return LG_NO_KEY;
}

int lg_class_set(struct lg_args *args, struct lg_class *cls, const char *key, const char *value,
		 struct lg_err *err)
{
	int rc;

	if (strcmp(key, "src") == 0)
		return lg_parse_prefix(key, value, &cls->src, err);
	if (strcmp(key, "dst") == 0)
		return lg_parse_prefix_list(args, key, value, &cls->dst, err);
	if (strcmp(key, "dst_file") == 0)
		return lg_parse_prefix_file(args, key, value, &cls->dst, err);
	if (strcmp(key, "outer_src") == 0)
		return lg_parse_addr(key, value, &cls->outer_src, err);
	if (strcmp(key, "outer_dst") == 0)
		return lg_parse_addr(key, value, &cls->outer_dst, err);
	if (strcmp(key, "inner") == 0) {
		if (strcmp(value, "ip") != 0 && strcmp(value, "ethernet") != 0)
			return lg_fail(err, -EINVAL, "%s=%s is neither ip nor ethernet", key,
				       value);
		cls->inner_ip = value[0] == 'i';
		return 0;
	}
	rc = class_set_mac(cls, key, value, err);
	return rc != LG_NO_KEY ? rc : class_set_number(cls, key, value, err);
}

/* The next field: cut at a ':' that is followed by key=, or, for identifiers, at any. */
static char *cut_field(char *text, bool any)
{
	for (char *p = strchr(text, ':'); p != NULL; p = strchr(p + 1, ':')) {
		size_t name = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");

		if (any || (name > 0 && p[1 + name] == '=')) {
			*p = '\0';
			return p + 1;
		}
	}
	return NULL;
}

static int set_identifier(struct lg_class *cls, const char *kind, const char *value,
			  struct lg_err *err)
{
	struct lg_err ignored;
	uint64_t port = 4789, id = 0;
	char text[64], *second;

	snprintf(text, sizeof(text), "%s", value != NULL ? value : "");
	if (strcmp(kind, "vlan") == 0) {
		cls->carrier = LG_VLAN;
		if (lg_parse_number(kind, text, 1, 4094, &id, &ignored) != 0)
			return lg_fail(
				err, -EINVAL,
				"mix entry vlan:%s needs a VLAN id from 1 to 4094, as vlan:12",
				text);
		cls->vlan = (uint16_t)id;
	} else if (strcmp(kind, "udp") == 0) {
		cls->carrier = LG_UDP;
		if (lg_parse_number(kind, text, 1, UINT16_MAX, &port, &ignored) != 0)
			return lg_fail(
				err, -EINVAL,
				"mix entry udp:%s needs a UDP port from 1 to 65535, as udp:4801",
				text);
		cls->udp_port = (uint16_t)port;
	} else {
		cls->carrier = LG_VXLAN;
		second = cut_field(text, true);
		if (lg_parse_number(kind, text, 1, UINT16_MAX, &port, &ignored) != 0 ||
		    second == NULL ||
		    lg_parse_number(kind, second, 0, 0xffffff, &id, &ignored) != 0)
			return lg_fail(err, -EINVAL,
				       "mix entry vxlan:%s needs a UDP port and a VNI below 2^24, "
				       "as vxlan:4789:100",
				       value);
		cls->udp_port = (uint16_t)port;
		cls->vni = (uint32_t)id;
	}
	return 0;
}

static int set_kind(struct lg_class *cls, const char *kind, const char *value, struct lg_err *err)
{
	if (strcmp(kind, "raw") == 0 || strcmp(kind, "src") == 0) {
		cls->carrier = LG_RAW;
		if (kind[0] == 'r' && value == NULL)
			return 0;
		if (kind[0] == 's' && value != NULL)
			return lg_parse_prefix("src", value, &cls->src, err);
	}
	if (strcmp(kind, "vlan") == 0 || strcmp(kind, "udp") == 0 || strcmp(kind, "vxlan") == 0)
		return set_identifier(cls, kind, value, err);
	return lg_fail(err, -EINVAL,
		       "mix entry %s%s%s is not one of raw, src:<prefix>, vlan:<id>, udp:<port>, "
		       "vxlan:<port>:<vni>",
		       kind, value != NULL ? ":" : "", value != NULL ? value : "");
}

static int parse_weight(char *entry, struct lg_class *cls, struct lg_err *err)
{
	char *at = strrchr(entry, '@');
	uint64_t weight;

	if (at == NULL)
		return 0;
	*at++ = '\0';
	if (lg_parse_number("weight", at, 1, LG_WEIGHT_MAX, &weight, err) != 0)
		return lg_fail(err, -EINVAL, "mix entry %s@%s needs a weight from 1 to %d", entry,
			       at, LG_WEIGHT_MAX);
	cls->weight = (uint32_t)weight;
	return 0;
}

static int parse_entry(struct lg_args *args, char *entry, struct lg_class *cls, struct lg_err *err)
{
	char *field, *next, *value, *id;
	int rc = parse_weight(entry, cls, err);

	if (rc != 0)
		return rc;
	field = cut_field(entry, false);
	id = cut_field(entry, true);
	rc = set_kind(cls, entry, id, err);
	for (; rc == 0 && field != NULL; field = next) {
		next = cut_field(field, false);
		value = strchr(field, '=');
		*value++ = '\0';
		rc = lg_class_set(args, cls, field, value, err);
		if (rc == LG_NO_KEY)
			return lg_fail(
				err, -EINVAL,
				"mix entry %s: there is no key %s; keys are src dst dst_file flows "
				"inner outer_src "
				"outer_dst outer_sport dst_mac src_mac inner_dst_mac inner_src_mac",
				entry, field);
	}
	return rc;
}

/* Addresses that were not given: of the same family as what was. */
static int complete(struct lg_args *args, struct lg_class *cls, struct lg_err *err)
{
	int rc = 0;

	if (cls->src.family == 0)
		rc = lg_parse_prefix("src",
				     cls->dst != NULL && cls->dst->n4 == 0 ? LG_SRC6_DEFAULT
									   : LG_SRC_DEFAULT,
				     &cls->src, err);
	if (rc == 0 && cls->dst == NULL)
		rc = lg_parse_prefix_list(args, "dst",
					  cls->src.family == 6 ? LG_DST6_DEFAULT : LG_DST_DEFAULT,
					  &cls->dst, err);
	if (rc == 0 && (cls->src.family == 4 ? cls->dst->n4 : cls->dst->n6) == 0)
		return lg_fail(err, -EINVAL, "src is IPv%d, but no prefix of dst or dst_file is",
			       cls->src.family);
	if (rc == 0 && cls->outer_src.family == 0)
		rc = lg_parse_addr("outer_src",
				   cls->outer_dst.family == 6 ? LG_OUTER_SRC6 : LG_OUTER_SRC4,
				   &cls->outer_src, err);
	if (rc == 0 && cls->outer_dst.family == 0)
		rc = lg_parse_addr("outer_dst",
				   cls->outer_src.family == 6 ? LG_OUTER_DST6 : LG_OUTER_DST4,
				   &cls->outer_dst, err);
	if (rc == 0 && cls->outer_src.family != cls->outer_dst.family)
		return lg_fail(
			err, -EINVAL,
			"outer_src is IPv%d and outer_dst is IPv%d, a tunnel needs one family",
			cls->outer_src.family, cls->outer_dst.family);
	return rc;
}

static int append_class(struct lg_args *args, char *entry, struct lg_err *err)
{
	struct lg_class *grown = realloc(args->classes, (args->n_classes + 1) * sizeof(*grown)),
			*cls;
	int rc;

	if (grown == NULL)
		return lg_fail(err, -ENOMEM, "mix: out of memory");
	args->classes = grown;
	cls = &grown[args->n_classes];
	*cls = args->base;
	rc = parse_entry(args, entry, cls, err);
	if (rc == 0)
		rc = complete(args, cls, err);
	args->n_classes += rc == 0;
	return rc;
}

static bool is_entry(const char *text)
{
	static const char *const kinds[] = {"raw", "src", "vlan", "udp", "vxlan"};
	size_t len = strcspn(text, ":@+");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i]) == len && strncmp(text, kinds[i], len) == 0)
			return true;
	return false;
}

static int parse_file(struct lg_args *args, const char *path, struct lg_err *err)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	if (file == NULL)
		return lg_fail(err, -EINVAL,
			       "mix=%s is neither a list of raw, src:<prefix>, vlan:<id>, "
			       "udp:<port>, vxlan:<port>:<vni> "
			       "joined by +, nor a file that can be read: %s",
			       path, strerror(errno));
	while (rc == 0 && getline(&line, &size, file) >= 0) {
		line[strcspn(line, "# \t\r\n")] = '\0';
		if (line[0] != '\0')
			rc = append_class(args, line, err);
	}
	free(line);
	fclose(file);
	if (rc == 0 && args->n_classes == 0)
		return lg_fail(err, -EINVAL, "mix=%s holds no entry, one a line is wanted", path);
	return rc;
}

static int parse_mix(struct lg_args *args, struct lg_err *err)
{
	char raw[] = "raw", *text = args->mix != NULL ? args->mix : raw, *copy, *save = NULL;
	int rc = 0;

	if (!is_entry(text))
		return parse_file(args, text, err);
	copy = strdup(text);
	if (copy == NULL)
		return lg_fail(err, -ENOMEM, "mix: out of memory");
	for (char *e = strtok_r(copy, "+", &save); e != NULL && rc == 0;
	     e = strtok_r(NULL, "+", &save))
		rc = append_class(args, e, err);
	free(copy);
	return rc;
}

/* The prefix `n` further on; false: there is none. */
static bool advance_prefix(struct lg_addr *prefix, uint32_t n)
{
	unsigned int byte = prefix->len / 8, part = prefix->len % 8;
	uint64_t add = part != 0 ? (uint64_t)n << (8 - part) : n;
	int i = part != 0 ? (int)byte : (int)byte - 1;

	for (; i >= 0 && add != 0; i--) {
		add += prefix->bytes[i];
		prefix->bytes[i] = (uint8_t)add;
		add >>= 8;
	}
	return add == 0;
}

/* The class of VR number `n` (from 0) that is made after `cls`. */
static int renumber(struct lg_class *cls, uint32_t n, struct lg_err *err)
{
	bool fits = false;

	if (n == 0)
		return 0;
	switch (cls->carrier) {
	case LG_VLAN:
		fits = cls->vlan + n <= 4094;
		cls->vlan = (uint16_t)(cls->vlan + n);
		break;
	case LG_UDP:
		fits = cls->udp_port + n <= UINT16_MAX;
		cls->udp_port = (uint16_t)(cls->udp_port + n);
		break;
	case LG_VXLAN:
		fits = cls->vni + n <= 0xffffff;
		cls->vni += n;
		break;
	case LG_RAW:
		fits = advance_prefix(&cls->src, n);
		break;
	}
	return fits ? 0
		    : lg_fail(err, -EINVAL,
			      "vrs=%u or more cannot be told apart: a mix entry's identifier ends "
			      "before",
			      n + 1);
}

static int multiply(struct lg_args *args, struct lg_err *err)
{
	uint32_t n = args->n_classes;
	struct lg_class *all;
	int rc = 0;

	if ((uint64_t)n * args->vrs > LG_CLASSES_MAX)
		return lg_fail(err, -EINVAL, "vrs=%u times %u mix entries is more than %d",
			       args->vrs, n, LG_CLASSES_MAX);
	all = calloc((size_t)n * args->vrs, sizeof(*all));
	if (all == NULL)
		return lg_fail(err, -ENOMEM, "vrs=%u: out of memory", args->vrs);
	for (uint32_t vr = 0; vr < args->vrs && rc == 0; vr++) {
		for (uint32_t i = 0; i < n && rc == 0; i++) {
			all[vr * n + i] = args->classes[i];
			rc = renumber(&all[vr * n + i], vr, err);
		}
	}
	free(args->classes);
	args->classes = all;
	args->n_classes = n * args->vrs;
	return rc;
}

static int share_flows(struct lg_args *args, struct lg_err *err)
{
	uint64_t own = 0, n_sharing = 0, total = 0, rest;

	for (uint32_t i = 0; i < args->n_classes; i++) {
		own += args->classes[i].flows;
		n_sharing += args->classes[i].flows == 0;
	}
	rest = args->flows > own ? args->flows - own : 0;
	for (uint32_t i = 0, k = 0; i < args->n_classes; i++) {
		struct lg_class *cls = &args->classes[i];

		if (cls->flows == 0) {
			cls->flows = (uint32_t)(rest / n_sharing + (k++ < rest % n_sharing));
			if (cls->flows == 0)
				cls->flows = 1;
		}
		total += cls->flows;
	}
	if (total > LG_FLOWS_MAX)
		return lg_fail(err, -EINVAL, "the mix has %llu flows, at most %u are possible",
			       (unsigned long long)total, LG_FLOWS_MAX);
	args->flows = (uint32_t)total;
	return 0;
}

int lg_mix_expand(struct lg_args *args, struct lg_err *err)
{
	int rc = parse_mix(args, err);

	if (rc == 0)
		rc = multiply(args, err);
	return rc == 0 ? share_flows(args, err) : rc;
}
