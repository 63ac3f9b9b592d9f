/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: EAL's arguments, "--", the primary's own. EAL parses its part itself; what is
 * looked at here is what has to be known before it starts.
 */
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: pdp-primary [EAL options] -- -c NODE.json [--check]\n"
		    "  -c, --config FILE  configuration of the node (reference: config/README.md)\n"
		    "  --check            say whether the node would start, and start nothing\n"
		    "EAL options: --lcores 0@0 (one MD lcore each), --file-prefix NAME, --vdev "
		    "..., -a PCI, -m MB;\n"
		    "all of them: dpdk-testpmd --help\n");
}

/* "--name=value" or "--name value" at argv[i]. @return value or NULL */
static const char *option_value(char **argv, int i, int n, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(argv[i], name, len) != 0)
		return NULL;
	if (argv[i][len] == '=')
		return argv[i] + len + 1;
	return argv[i][len] == '\0' && i + 1 < n ? argv[i + 1] : NULL;
}

static void look_at_eal(int n, char **argv)
{
	static const char *const memory[] = {"-m", "--socket-mem", "--legacy-mem"};

	for (int i = 1; i < n; i++) {
		const char *v;

		v = option_value(argv, i, n, "--file-prefix");
		if (v != NULL)
			node.file_prefix = v;
		v = option_value(argv, i, n, "--vdev");
		if (v != NULL) {
			size_t used = strlen(node.eal_vdevs);

			if (node.n_vdevs < RTE_DIM(node.vdevs))
				node.vdevs[node.n_vdevs++] = v;
			snprintf(node.eal_vdevs + used, sizeof(node.eal_vdevs) - used, "%.*s,",
				 (int)strcspn(v, ","), v);
		}
		if (strcmp(argv[i], "--no-huge") == 0 || strcmp(argv[i], "--in-memory") == 0)
			node.in_memory = true;
		for (size_t k = 0; k < RTE_DIM(memory); k++)
			node.memory_given |= strncmp(argv[i], memory[k], strlen(memory[k])) == 0;
	}
}

/* pdp-engine and the plugins: beside the build folder's primary, or where they were installed. */
static void find_programs(void)
{
	const char *env = getenv("PDP_PLUGIN_PATH");
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		self[0] = '\0';
	snprintf(node.program_dir, sizeof(node.program_dir), "%s", dirname(self));
	snprintf(node.engine_program, sizeof(node.engine_program), "%s/../pdp-engine/pdp-engine",
		 node.program_dir);
	if (access(node.engine_program, X_OK) != 0)
		snprintf(node.engine_program, sizeof(node.engine_program), "%s/pdp-engine",
			 node.program_dir);
	snprintf(node.sealed_program, sizeof(node.sealed_program), "%s-sealed",
		 node.engine_program);
	snprintf(node.keeper_program, sizeof(node.keeper_program), "%s/../pdp-keeper/pdp-keeper",
		 node.program_dir);
	if (access(node.keeper_program, X_OK) != 0)
		snprintf(node.keeper_program, sizeof(node.keeper_program), "%s/pdp-keeper",
			 node.program_dir);
	snprintf(node.sandbox_program, sizeof(node.sandbox_program), "%s-sandbox",
		 node.engine_program);
	snprintf(node.plugin_path, sizeof(node.plugin_path),
		 "%s%s%s/../../drivers/vr:%s/../lib/pdp/vr", env != NULL ? env : "",
		 env != NULL ? ":" : "", node.program_dir, node.program_dir);
}

static int own_options(int argc, char **argv)
{
	static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
					      {"check", no_argument, NULL, 'k'},
					      /* A made-up machine, for tests: in no manual. */
					      {"sysfs", required_argument, NULL, 's'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
		if (c == 'c') {
			node.config_file = optarg;
		} else if (c == 's') {
			node.sysfs = optarg;
		} else if (c == 'k') {
			node.check_only = true;
		} else {
			usage(c == 'h' ? stdout : stderr);
			if (c == 'h')
				exit(0);
			return -1;
		}
	}
	if (node.config_file == NULL || optind != argc) {
		usage(stderr);
		return -1;
	}
	return 0;
}

int options_init(int argc, char **argv)
{
	int split = 1;

	while (split < argc && strcmp(argv[split], "--") != 0)
		split++;
	if (split == argc) {
		usage(argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
		if (argc == 2 && strcmp(argv[1], "--help") == 0)
			exit(0);
		return -1;
	}
	node.eal_argc = split;
	node.eal_argv = calloc((size_t)split + 8, sizeof(char *));
	if (node.eal_argv == NULL)
		return complain("out of memory");
	memcpy(node.eal_argv, argv, (size_t)split * sizeof(char *));
	look_at_eal(split, argv);
	find_programs();
	argv[split] = argv[0];
	return own_options(argc - split, argv + split);
}
