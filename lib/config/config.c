/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration from file or text to checked structures. See pdp_config.h.
 *
 * Runs on the control thread, before anything is started; changes nothing outside its own memory.
 */
#include "config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/string.h>

static int decode(struct decoder *d)
{
	json_error_t error;
	const char *zero = memchr(d->text, '\0', d->size);
	json_t *root;
	int rc;

	if (zero != NULL)
		return where_fail_zero(d, zero);
	root = json_loadb(d->text, d->size, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		return where_fail_syntax(d, &error);
	if (json_is_object(root))
		rc = config_decode_section(d, &config_top, NULL, root, d->config);
	else
		rc = value_fail_type(d, NULL, root, "an object, {...}");
	json_decref(root);
	return rc;
}

struct pdp_config *pdp_config_parse(const char *text, size_t size, const char *name,
				    const struct pdp_config_env *env, struct pdp_config_error *err)
{
	struct decoder d = {.text = text, .size = size, .name = name, .env = env, .err = err};

	err->text[0] = '\0';
	d.config = calloc(1, sizeof(*d.config));
	if (d.config == NULL) {
		snprintf(err->text, sizeof(err->text), "out of memory");
		return NULL;
	}
	strlcpy(d.config->file, name, sizeof(d.config->file));
	if (decode(&d) == 0)
		return d.config;
	pdp_config_destroy(d.config);
	return NULL;
}

static int fail_file(struct pdp_config_error *err, const char *file, const char *what)
{
	char quote[256];

	snprintf(err->text, sizeof(err->text), "%s: cannot read the configuration: %s",
		 where_quote(file, quote, sizeof(quote)), what);
	return -1;
}

/* All of an open file. @param text out, Owner: caller */
static int read_all(int fd, const char *file, char **text, size_t *size,
		    struct pdp_config_error *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return fail_file(err, file, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return fail_file(err, file, "it is a folder; name a file");
	*text = malloc(CONFIG_FILE_MAX + 1);
	if (*text == NULL)
		return fail_file(err, file, "out of memory");
	/* By read() until its end and not by its size: it may be a pipe. */
	for (*size = 0; *size <= CONFIG_FILE_MAX; *size += (size_t)n) {
		n = read(fd, *text + *size, CONFIG_FILE_MAX + 1 - *size);
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return fail_file(err, file, strerror(errno));
	}
	return fail_file(err, file, "it is longer than 16 MiB");
}

struct pdp_config *pdp_config_load(const char *file, const struct pdp_config_env *env,
				   struct pdp_config_error *err)
{
	struct pdp_config *config = NULL;
	char *text = NULL;
	size_t size = 0;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		fail_file(err, file, strerror(errno));
		return NULL;
	}
	if (read_all(fd, file, &text, &size, err) == 0)
		config = pdp_config_parse(text, size, file, env, err);
	free(text);
	close(fd);
	return config;
}

static void destroy_vr(struct pdp_vr_config *vr)
{
	for (unsigned int i = 0; i < vr->n_vifs; i++) {
		free(vr->vifs[i].prefixes);
		free(vr->vifs[i].allow_prefixes);
	}
	free(vr->vifs);
	free(vr->weights);
	free(vr->cpus.cpus);
	free(vr->args);
}

void pdp_config_destroy(struct pdp_config *config)
{
	if (config == NULL)
		return;
	for (unsigned int i = 0; i < config->n_vrs; i++)
		destroy_vr(&config->vrs[i]);
	free(config->vrs);
	free(config->ports);
	free(config->engine_cpus.cpus);
	free(config->control_cpus.cpus);
	free(config);
}

int pdp_config_port(const struct pdp_config *config, const char *name)
{
	for (unsigned int i = 0; i < config->n_ports; i++) {
		if (strcmp(config->ports[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}
