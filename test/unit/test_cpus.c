/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading CPUs from a made-up sysfs in a temporary folder, and their order from the MD: two nodes
 * of two core complexes of two cores of two threads, 16 CPUs; then what machines leave out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pdp_cpus.h>

#define CORES 8

static char root[64];

static void write_file(const char *text, const char *format, unsigned int a, unsigned int b)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/devices/system/", root);
	snprintf(path + strlen(path), sizeof(path) - strlen(path), format, a, b);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* CPU c and c + 8 are one core; cores 0,1 2,3 4,5 6,7 share an L3; cores 0-3 are node 0. */
static void make_cpu(unsigned int cpu)
{
	const unsigned int core = cpu % CORES, l3 = core & ~1u;
	char list[64];

	snprintf(list, sizeof(list), "%u,%u\n", core, core + CORES);
	write_file(list, "cpu/cpu%u/topology/thread_siblings_list", cpu, 0);
	write_file("1\n", "cpu/cpu%u/cache/index0/level", cpu, 0);
	write_file(list, "cpu/cpu%u/cache/index0/shared_cpu_list", cpu, 0);
	snprintf(list, sizeof(list), "%u-%u,%u-%u\n", l3, l3 + 1, l3 + CORES, l3 + CORES + 1);
	write_file("3\n", "cpu/cpu%u/cache/index1/level", cpu, 0);
	write_file(list, "cpu/cpu%u/cache/index1/shared_cpu_list", cpu, 0);
	write_file("", "cpu/cpu%u/node%u/cpulist", cpu, core / 4);
}

static int setup(void **state)
{
	snprintf(root, sizeof(root), "/tmp/pdp-test-cpus-XXXXXX");
	assert_non_null(mkdtemp(root));
	write_file("0-1\n", "node/online", 0, 0);
	write_file("0-15\n", "cpu/online", 0, 0);
	for (unsigned int cpu = 0; cpu < 2 * CORES; cpu++)
		make_cpu(cpu);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static int teardown(void **state)
{
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int node_distance(int from, int to)
{
	return from == to ? 10 : 20 + abs(from - to);
}

static void check_order(const char *md, const char *list, const char *wanted)
{
	static struct pdp_cpus cpus;
	uint16_t md_cpus[16], ids[16];
	struct pdp_cpus_from from = {.cpus = md_cpus, .node_distance = node_distance};
	char got[128] = "";
	unsigned int n = 0;
	cpu_set_t set;

	assert_int_equal(pdp_cpus_read(root, &cpus), 0);
	assert_int_equal(pdp_cpus_parse(md, &set), 0);
	for (uint16_t i = 0; i < PDP_CPUS_MAX; i++) {
		if (CPU_ISSET(i, &set))
			md_cpus[from.n++] = i;
	}
	assert_int_equal(pdp_cpus_parse(list, &set), 0);
	for (uint16_t i = PDP_CPUS_MAX; i-- > 0;) {
		if (CPU_ISSET(i, &set))
			ids[n++] = i;
	}
	pdp_cpus_order(&cpus, &from, ids, n);
	for (unsigned int i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u", i ? " " : "",
			 ids[i]);
	assert_string_equal(got, wanted);
}

static void test_parse(void **state)
{
	static const char *const bad[] = {"x", "1-", "3-1", "1,,2", "-1", "1 2", "1;2"};
	cpu_set_t set;

	assert_int_equal(pdp_cpus_parse("0-2,5,9-10\n", &set), 0);
	assert_int_equal(CPU_COUNT(&set), 6);
	assert_true(CPU_ISSET(9, &set) && !CPU_ISSET(3, &set));
	assert_int_equal(pdp_cpus_parse("\n", &set), 0);
	assert_int_equal(CPU_COUNT(&set), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pdp_cpus_parse(bad[i], &set), -EINVAL);
	assert_int_equal(pdp_cpus_parse("1,1022-5000", &set), -ERANGE);
	assert_int_equal(CPU_COUNT(&set), 3);
}

static void test_read(void **state)
{
	static struct pdp_cpus cpus;
	const struct pdp_cpu *cpu;

	assert_int_equal(pdp_cpus_read(root, &cpus), 0);
	assert_int_equal(cpus.n, 16);
	cpu = pdp_cpus_find(&cpus, 15);
	assert_non_null(cpu);
	assert_int_equal(cpu->core, 7);
	assert_int_equal(cpu->l3, 6);
	assert_int_equal(cpu->node, 1);
	assert_null(pdp_cpus_find(&cpus, 16));
	assert_int_equal(pdp_cpus_read("/nonexistent", &cpus), -ENOENT);
	assert_int_equal(cpus.n, 0);
}

static void test_order(void **state)
{
	/* L3, node, the other node; whole cores first; the MD's second thread last. */
	check_order("0", "1-15", "1 9 2 3 10 11 4 5 6 7 12 13 14 15 8");
	check_order("5", "0-4,6-15", "4 12 6 7 14 15 0 1 2 3 8 9 10 11 13");
	/* With share_md the MD's own CPU is the last choice. */
	check_order("0", "0-3,8", "1 2 3 8 0");
	/* The nearest of several MDs counts; nobody takes the second thread of either first. */
	check_order("0,4", "1-3,5-9,12", "1 5 9 2 3 6 7 8 12");
	/* Unknown ones at the end, nothing known of the MD: by number. */
	check_order("0", "1,40", "1 40");
	check_order("40", "1-3,9", "1 2 3 9");
}

static void test_near(void **state)
{
	static struct pdp_cpus cpus;
	uint16_t md = 0;
	const struct pdp_cpus_from from = {.cpus = &md, .n = 1, .node_distance = node_distance};
	int distance;

	assert_int_equal(pdp_cpus_read(root, &cpus), 0);
	assert_int_equal(pdp_cpus_near(&cpus, &from, 1, &distance), PDP_CPU_L3);
	assert_int_equal(distance, 10);
	assert_int_equal(pdp_cpus_near(&cpus, &from, 2, NULL), PDP_CPU_NODE);
	assert_int_equal(pdp_cpus_near(&cpus, &from, 4, &distance), PDP_CPU_OTHER);
	assert_int_equal(distance, 21);
	assert_int_equal(pdp_cpus_near(&cpus, &from, 8, NULL), PDP_CPU_SIBLING);
	assert_int_equal(pdp_cpus_near(&cpus, &from, 0, NULL), PDP_CPU_SELF);
	assert_string_equal(pdp_cpu_near_name(PDP_CPU_SELF), "md");
}

/* An offline CPU has no folders of caches; a small virtual machine has neither nodes nor L3. */
static void test_missing(void **state)
{
	static struct pdp_cpus cpus;

	teardown(state);
	setup(state);
	write_file("0,2-3,200\n", "cpu/online", 0, 0);
	check_order("0", "1-3,200", "2 3 200 1");
	teardown(state);
	mkdir(root, 0700);
	write_file("0-1\n", "cpu/online", 0, 0);
	assert_int_equal(pdp_cpus_read(root, &cpus), 0);
	assert_int_equal(cpus.n, 2);
	assert_int_equal(cpus.cpus[1].core, 1);
	assert_int_equal(cpus.cpus[1].l3, 1);
	assert_int_equal(cpus.cpus[1].node, 0);
	check_order("0", "1", "1");
}

static void test_this_machine(void **state)
{
	static struct pdp_cpus cpus;
	cpu_set_t online;

	if (access(PDP_SYSFS "/devices/system/cpu/online", R_OK) != 0)
		skip();
	assert_int_equal(pdp_cpus_read(PDP_SYSFS, &cpus), 0);
	assert_int_equal(pdp_cpus_online(PDP_SYSFS, &online), 0);
	assert_int_equal(cpus.n, CPU_COUNT(&online));
	assert_int_equal(cpus.n, sysconf(_SC_NPROCESSORS_ONLN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_near, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
