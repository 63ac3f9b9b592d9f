/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of devargs: numbers, MACs, addresses, prefixes, rate steps. Pure. Runs at probe and in
 * control calls. */
#include "loadgen_args.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lg_fail(struct lg_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

int lg_parse_number(const char *key, const char *value, uint64_t min, uint64_t max, uint64_t *out,
		    struct lg_err *err)
{
	unsigned long long n, unit = 1;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 0);
	if (end != value && *end != '\0' && end[1] == '\0') {
		switch (tolower((unsigned char)*end)) {
		case 'k':
			unit = 1000;
			break;
		case 'm':
			unit = 1000000;
			break;
		case 'g':
			unit = 1000000000;
			break;
		}
		end += unit > 1;
	}
	if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 ||
	    n > UINT64_MAX / unit || n * unit < min || n * unit > max)
		return lg_fail(err, -EINVAL, "%s=%s is not a number from %llu to %llu", key, value,
			       (unsigned long long)min, (unsigned long long)max);
	*out = n * unit;
	return 0;
}

int lg_parse_bool(const char *key, const char *value, bool *out, struct lg_err *err)
{
	if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return lg_fail(err, -EINVAL, "%s=%s is neither 0 nor 1", key, value);
	*out = value[0] == '1';
	return 0;
}

int lg_parse_mac(const char *key, const char *value, uint8_t mac[6], struct lg_err *err)
{
	unsigned int b[6];
	int used = 0;

	if (strlen(value) != 17 ||
	    sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &used) != 6 ||
	    used != 17)
		return lg_fail(err, -EINVAL, "%s=%s is not a MAC address such as 02:00:00:00:00:01",
			       key, value);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

int lg_parse_addr(const char *key, const char *value, struct lg_addr *out, struct lg_err *err)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, value, out->bytes) == 1) {
		out->family = 4;
		out->len = 32;
	} else if (inet_pton(AF_INET6, value, out->bytes) == 1) {
		out->family = 6;
		out->len = 128;
	} else {
		return lg_fail(err, -EINVAL, "%s=%s is not an address such as 10.0.0.1 or fd00::1",
			       key, value);
	}
	return 0;
}

static bool host_bits_set(const struct lg_addr *a)
{
	for (unsigned int bit = a->len; bit < (a->family == 4 ? 32u : 128u); bit++)
		if (a->bytes[bit / 8] & (0x80 >> bit % 8))
			return true;
	return false;
}

int lg_parse_prefix(const char *key, const char *value, struct lg_addr *out, struct lg_err *err)
{
	char text[64], *slash;
	struct lg_err ignored;
	uint64_t len;

	if (strlen(value) >= sizeof(text))
		goto bad;
	memcpy(text, value, strlen(value) + 1);
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (lg_parse_addr(key, text, out, &ignored) != 0)
		goto bad;
	if (slash != NULL) {
		if (lg_parse_number(key, slash, 0, out->len, &len, &ignored) != 0)
			goto bad;
		out->len = (uint8_t)len;
	}
	if (host_bits_set(out))
		return lg_fail(err, -EINVAL, "%s=%s has bits set after its prefix length", key,
			       value);
	return 0;
bad:
	return lg_fail(err, -EINVAL, "%s=%s is not a prefix such as 10.0.0.0/8 or fd00::/64", key,
		       value);
}

int lg_parse_prefix_list(struct lg_args *args, const char *key, const char *value,
			 const struct lg_prefixes **out, struct lg_err *err)
{
	struct lg_prefixes *list;
	struct lg_addr prefix;
	int rc = lg_parse_prefix(key, value, &prefix, err);

	if (rc != 0)
		return rc;
	list = malloc(sizeof(*list) + sizeof(list->v[0]));
	if (list == NULL)
		return lg_fail(err, -ENOMEM, "%s=%s: out of memory", key, value);
	list->n4 = prefix.family == 4;
	list->n6 = prefix.family == 6;
	list->v[0] = prefix;
	list->next = args->lists;
	args->lists = list;
	*out = list;
	return 0;
}

/* IPv4 first, each family in the file's order. */
static int sort_families(struct lg_prefixes **list, uint32_t n)
{
	struct lg_prefixes *sorted = malloc(sizeof(*sorted) + n * sizeof(sorted->v[0]));
	uint32_t n4 = 0, out = 0;

	if (sorted == NULL)
		return -ENOMEM;
	for (int family = 4; family <= 6; family += 2) {
		for (uint32_t i = 0; i < n; i++)
			if ((*list)->v[i].family == family)
				sorted->v[out++] = (*list)->v[i];
		if (family == 4)
			n4 = out;
	}
	sorted->n4 = n4;
	sorted->n6 = n - n4;
	free(*list);
	*list = sorted;
	return 0;
}

static int read_prefixes(FILE *file, const char *key, const char *path, struct lg_prefixes **list,
			 struct lg_err *err)
{
	uint32_t size = 0, n = 0, line_no = 0;
	struct lg_prefixes *grown;
	char line[128], name[300];
	int rc;

	while (fgets(line, sizeof(line), file) != NULL) {
		line_no++;
		line[strcspn(line, "# \t\r\n")] = '\0';
		if (line[0] == '\0')
			continue;
		if (n == size) {
			size = size == 0 ? 1024 : size * 2;
			grown = realloc(*list, sizeof(*grown) + size * sizeof(grown->v[0]));
			if (grown == NULL)
				return lg_fail(err, -ENOMEM, "%s=%s: out of memory", key, path);
			*list = grown;
		}
		snprintf(name, sizeof(name), "%s=%s line %u", key, path, line_no);
		rc = lg_parse_prefix(name, line, &(*list)->v[n], err);
		if (rc != 0)
			return rc;
		n++;
	}
	if (n == 0)
		return lg_fail(err, -EINVAL, "%s=%s holds no prefix, one a line is wanted", key,
			       path);
	return sort_families(list, n) == 0
		       ? 0
		       : lg_fail(err, -ENOMEM, "%s=%s: out of memory", key, path);
}

int lg_parse_prefix_file(struct lg_args *args, const char *key, const char *path,
			 const struct lg_prefixes **out, struct lg_err *err)
{
	struct lg_prefixes *list = NULL;
	FILE *file = fopen(path, "r");
	int rc;

	if (file == NULL) {
		rc = -errno;
		return lg_fail(err, rc, "%s=%s cannot be read: %s", key, path, strerror(-rc));
	}
	rc = read_prefixes(file, key, path, &list, err);
	fclose(file);
	if (rc != 0) {
		free(list);
		return rc;
	}
	list->next = args->lists;
	args->lists = list;
	*out = list;
	return 0;
}

struct lg_profile *lg_profile_constant(double pps)
{
	struct lg_profile *p = malloc(sizeof(*p) + sizeof(p->steps[0]));

	if (p == NULL)
		return NULL;
	p->end = LG_END_HOLD;
	p->n_steps = 1;
	p->steps[0] = (struct lg_step){.pps = pps, .seconds = 1};
	return p;
}

/* "57000:5+117000:0.5"; also one step a line when it came from a file. */
static int parse_steps(char *text, const char *value, struct lg_profile *p, struct lg_err *err)
{
	char *save = NULL, *end, *second;

	for (char *s = strtok_r(text, "+ \n", &save); s != NULL;
	     s = strtok_r(NULL, "+ \n", &save)) {
		struct lg_step *step = &p->steps[p->n_steps];

		step->pps = strtod(s, &end);
		if (end == s || *end != ':' || !(step->pps >= 0 && step->pps <= 1e12))
			goto bad;
		second = end + 1;
		step->seconds = strtod(second, &end);
		if (end == second || *end != '\0' ||
		    !(step->seconds >= 1e-6 && step->seconds <= 1e9))
			goto bad;
		p->n_steps++;
	}
	if (p->n_steps > 0)
		return 0;
bad:
	return lg_fail(err, -EINVAL,
		       "profile=%s is not a list of pps:seconds steps such as 57000:5+117000:0.5, "
		       "nor a file of them",
		       value);
}

struct lg_profile *lg_profile_parse(const char *value, enum lg_profile_end end, struct lg_err *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = strchr(value, ':') == NULL ? fopen(value, "r") : NULL;
	struct lg_profile *p;

	if (file != NULL) {
		if (getdelim(&text, &size, '\0', file) < 0) {
			free(text);
			text = NULL;
		}
		fclose(file);
	}
	if (text == NULL)
		text = strdup(value);
	p = text != NULL ? calloc(1, sizeof(*p) + (strlen(text) / 2 + 1) * sizeof(p->steps[0]))
			 : NULL;
	if (p == NULL) {
		free(text);
		lg_fail(err, -ENOMEM, "profile=%s: out of memory", value);
		errno = ENOMEM;
		return NULL;
	}
	p->end = end;
	if (parse_steps(text, value, p, err) != 0) {
		free(p);
		p = NULL;
		errno = EINVAL;
	}
	free(text);
	return p;
}
