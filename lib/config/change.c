/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changing a VR of a running node: some of its keys are decoded and checked anew, by the same table
 * as in the file, in a copy. See pdp_config.h.
 *
 * Runs on the control thread; changes nothing but its own memory.
 */
#include "config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names of the keys that may change. */
static void live_names(char *out, size_t size)
{
	size_t n = 0;

	for (unsigned int i = 0; i < config_vr.n_keys; i++) {
		if (config_vr.keys[i].live && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "",
					      config_vr.keys[i].name);
	}
}

static int decode_changes(struct decoder *d, const struct where *where, json_t *changes,
			  struct pdp_vr_config *vr)
{
	char names[320];
	const char *name;
	json_t *value;

	live_names(names, sizeof(names));
	if (json_object_size(changes) == 0)
		return where_fail(d, where,
				  "nothing is to be changed; write KEY=VALUE with one of %s",
				  names);
	json_object_foreach (changes, name, value) {
		const struct where here = {.up = where, .key = name};
		const struct key *key = config_key_find(&config_vr, name);

		if (key == NULL || !key->live)
			return where_fail(d, &here,
					  "it cannot be changed while the node runs; these can: %s",
					  names);
		if (config_value_fns[key->type](d, key, &here, value, vr) != 0)
			return -1;
	}
	return 0;
}

/* Lists of its own: decoding makes new ones. */
static int copy_lists(struct pdp_vr_config *copy, const struct pdp_vr_config *old,
		      const json_t *changes)
{
	const bool weighted = json_object_get(changes, "balance") == NULL;

	copy->weights = NULL;
	copy->cpus.cpus = NULL;
	if (old->weights != NULL && weighted && json_object_get(changes, "weights") == NULL) {
		copy->weights = calloc(old->n_weights, sizeof(*copy->weights));
		if (copy->weights == NULL)
			return -1;
		memcpy(copy->weights, old->weights, old->n_weights * sizeof(*copy->weights));
	}
	if (copy->weights == NULL)
		copy->n_weights = 0;
	if (old->cpus.n == 0 || json_object_get(changes, "cpus") != NULL)
		return 0;
	copy->cpus.cpus = calloc(old->cpus.n, sizeof(*copy->cpus.cpus));
	if (copy->cpus.cpus == NULL)
		return -1;
	memcpy(copy->cpus.cpus, old->cpus.cpus, old->cpus.n * sizeof(*copy->cpus.cpus));
	return 0;
}

struct pdp_vr_config *pdp_config_vr_change(struct pdp_config *config, unsigned int vr,
					   json_t *changes, const struct pdp_config_env *env,
					   struct pdp_config_error *err)
{
	struct decoder d = {.name = "", .env = env, .err = err, .config = config};
	const struct where vrs = {.key = "vrs"}, where = {.up = &vrs, .index = vr};
	const struct pdp_vr_config *old = &config->vrs[vr];
	struct pdp_vr_config *copy = malloc(sizeof(*copy));

	err->text[0] = '\0';
	if (copy == NULL) {
		where_fail(&d, &where, "out of memory");
		return NULL;
	}
	*copy = *old;
	if (copy_lists(copy, old, changes) != 0) {
		where_fail(&d, &where, "out of memory");
		goto err;
	}
	if (decode_changes(&d, &where, changes, copy) == 0 &&
	    check_vr_load(&d, &where, changes, copy) == 0 && check_vr_cpus(&d, &where, copy) == 0)
		return copy;
err:
	pdp_config_vr_discard(copy);
	return NULL;
}

void pdp_config_vr_adopt(struct pdp_config *config, unsigned int vr, struct pdp_vr_config *changed)
{
	struct pdp_vr_config *old = &config->vrs[vr];

	free(old->weights);
	free(old->cpus.cpus);
	*old = *changed;
	free(changed);
}

void pdp_config_vr_discard(struct pdp_vr_config *changed)
{
	if (changed == NULL)
		return;
	free(changed->weights);
	free(changed->cpus.cpus);
	free(changed);
}
