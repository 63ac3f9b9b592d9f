/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vifs of all VRs against each other: the classifier that the MD will use judges which match the
 * same packets, and its sentence is told with the places in the configuration.
 */
#include "config_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every vif of the node: where it is, by its number in the classifier. */
struct numbered_vif {
	unsigned int vr, vif;
};

static unsigned int count_vifs(const struct pdp_config *config)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < config->n_vrs; i++)
		n += config->vrs[i].n_vifs;
	return n;
}

static void number_vifs(const struct pdp_config *config, struct pdp_match *matches,
			struct numbered_vif *vifs)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < config->n_vrs; i++) {
		for (unsigned int j = 0; j < config->vrs[i].n_vifs; j++, n++) {
			const struct pdp_vif_config *vif = &config->vrs[i].vifs[j];

			matches[n] = (struct pdp_match){
				.conf = &vif->conf,
				.prefixes = vif->prefixes,
				.n_prefixes = vif->n_prefixes,
			};
			vifs[n] = (struct numbered_vif){i, j};
		}
	}
}

/* Put paths where the classifier wrote "#number", and the port's name where it wrote its number at
 * the end. */
static void name_vifs(const struct pdp_config *config, const struct numbered_vif *vifs,
		      unsigned int n_vifs, const char *text, char *out, size_t size)
{
	const struct pdp_vif_config *vif = NULL;
	size_t n = 0;

	while (*text != '\0' && n + 1 < size) {
		char *end;
		unsigned long number;

		if (text[0] != '#' || text[1] < '0' || text[1] > '9' ||
		    (number = strtoul(text + 1, &end, 10)) >= n_vifs) {
			out[n++] = *text++;
			continue;
		}
		vif = &config->vrs[vifs[number].vr].vifs[vifs[number].vif];
		n += (size_t)snprintf(out + n, size - n, "%s (line %d)", vif->path, vif->line);
		text = end;
	}
	n = n < size ? n : size - 1;
	out[n] = '\0';
	while (n > 0 && out[n - 1] >= '0' && out[n - 1] <= '9')
		n--;
	if (n >= 6 && memcmp(out + n - 6, " port ", 6) == 0 && vif != NULL)
		snprintf(out + n, size - n, "%s", config->ports[vif->conf.port].name);
}

static int fail_overlap(struct decoder *d, const struct numbered_vif *vifs, unsigned int n_vifs,
			const unsigned int other[2], const char *sentence)
{
	const struct numbered_vif *at = &vifs[other[1]];
	const struct where vrs = {.key = "vrs"}, vr = {.up = &vrs, .index = at->vr};
	const struct where list = {.up = &vr, .key = "vifs"};
	const struct where vif = {.up = &list, .index = at->vif};
	char text[320];

	name_vifs(d->config, vifs, n_vifs, sentence, text, sizeof(text));
	return where_fail(d, &vif, "%s; change one of them", text);
}

int check_overlap(struct decoder *d)
{
	const unsigned int n = count_vifs(d->config);
	struct pdp_match *matches = calloc(n + 1, sizeof(*matches));
	struct numbered_vif *vifs = calloc(n + 1, sizeof(*vifs));
	const struct where vrs = {.key = "vrs"};
	struct pdp_classifier *cls;
	unsigned int other[2] = {0, 0};
	char sentence[256] = "";
	int rc = 0;

	if (matches == NULL || vifs == NULL) {
		rc = where_fail(d, &vrs, "out of memory");
	} else if (n >= PDP_GID_MAX) {
		rc = where_fail(d, &vrs, "%u vifs in all; at most %u are possible", n,
				PDP_GID_MAX - 1);
	} else {
		number_vifs(d->config, matches, vifs);
		cls = pdp_classifier_create(matches, n, sentence, sizeof(sentence), other);
		if (cls == NULL && errno == EEXIST)
			rc = fail_overlap(d, vifs, n, other, sentence);
		else if (cls == NULL)
			rc = where_fail(d, &vrs, "the vifs cannot be told apart: %s",
					sentence[0] != '\0' ? sentence : strerror(errno));
		pdp_classifier_destroy(cls);
	}
	free(vifs);
	free(matches);
	return rc;
}
