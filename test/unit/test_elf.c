/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plugins read without loading them: what a real one says, and files that are none: cut off at
 * every length, and with every byte of their headers changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pdp_elf.h>
#include <pdp_vr.h>

static char why[128];
static char file[64];
static int fd;
static unsigned char *bytes; /* of the real plugin */
static size_t n_bytes;

static int setup(void **state)
{
	FILE *f = fopen(PLUGIN, "r");

	fd = memfd_create("test_elf", MFD_CLOEXEC);
	assert_non_null(f);
	assert_true(fd >= 0);
	snprintf(file, sizeof(file), "/proc/self/fd/%d", fd);
	bytes = malloc(4 << 20);
	n_bytes = fread(bytes, 1, 4 << 20, f);
	fclose(f);
	return 0;
}

static int teardown(void **state)
{
	free(bytes);
	return close(fd);
}

static void put(const unsigned char *from, size_t size)
{
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, from, size, 0), (ssize_t)size);
}

static void test_plugin(void **state)
{
	struct pdp_elf elf;
	uint32_t abi[2];

	assert_int_equal(pdp_elf_open(&elf, PLUGIN, why, sizeof(why)), 0);
	assert_int_equal(pdp_elf_symbol(&elf, PDP_VR_PLUGIN_SYMBOL, abi, sizeof(abi)), 0);
	assert_int_equal(abi[0], PDP_VR_ABI_VERSION);
	assert_int_equal(pdp_elf_symbol(&elf, "no_such_symbol", abi, sizeof(abi)), -ENOENT);
	assert_int_equal(pdp_elf_symbol(&elf, "malloc", abi, sizeof(abi)), -ENOENT);
	assert_non_null(strstr(pdp_elf_needed(&elf, 0), ".so"));
	assert_null(pdp_elf_needed(&elf, 1000));
	assert_null(pdp_elf_interp(&elf));
	pdp_elf_close(&elf);
}

static void test_program(void **state)
{
	struct pdp_elf elf;

	assert_int_equal(pdp_elf_open(&elf, "/proc/self/exe", why, sizeof(why)), 0);
	assert_non_null(strstr(pdp_elf_interp(&elf), "ld-linux"));
	pdp_elf_close(&elf);
}

static void test_others(void **state)
{
	static const unsigned char text[] = "#!/bin/sh\n";
	unsigned char foreign[64];
	struct pdp_elf elf;

	assert_int_equal(pdp_elf_open(&elf, "/nonexistent", why, sizeof(why)), -ENOENT);
	pdp_elf_close(&elf);
	assert_int_equal(pdp_elf_open(&elf, "/tmp", why, sizeof(why)), -ENOEXEC);
	pdp_elf_close(&elf);
	put(text, sizeof(text));
	assert_int_equal(pdp_elf_open(&elf, file, why, sizeof(why)), -ENOEXEC);
	pdp_elf_close(&elf);
	memcpy(foreign, bytes, sizeof(foreign));
	foreign[offsetof(Elf64_Ehdr, e_machine)] ^= 1;
	put(foreign, sizeof(foreign));
	assert_int_equal(pdp_elf_open(&elf, file, why, sizeof(why)), -ENOEXEC);
	assert_string_equal(why, "it is built for another machine");
	pdp_elf_close(&elf);
}

/* Whatever it says of such a file, it reads nothing outside (ASan) and comes back. */
static void ask_all(void)
{
	struct pdp_elf elf;
	uint32_t abi;

	if (pdp_elf_open(&elf, file, why, sizeof(why)) == 0) {
		for (unsigned int i = 0; i < 64 && pdp_elf_needed(&elf, i) != NULL; i++)
			assert_true(strlen(pdp_elf_needed(&elf, i)) < n_bytes);
		pdp_elf_runpath(&elf);
		pdp_elf_interp(&elf);
		pdp_elf_symbol(&elf, PDP_VR_PLUGIN_SYMBOL, &abi, sizeof(abi));
	}
	pdp_elf_close(&elf);
}

static void test_cut_off(void **state)
{
	for (size_t size = 0; size < n_bytes; size += size < 2048 ? 7 : 1021) {
		put(bytes, size);
		ask_all();
	}
}

static void change(size_t from, size_t to)
{
	static const unsigned char values[] = {0x00, 0x7f, 0xff};

	for (size_t at = from; at < to && at < n_bytes; at++) {
		const unsigned char was = bytes[at];

		bytes[at] = values[at % 3] != was ? values[at % 3] : (unsigned char)(was ^ 0x80);
		put(bytes, n_bytes);
		ask_all();
		bytes[at] = was;
	}
}

static void test_changed(void **state)
{
	struct pdp_elf elf;
	Elf64_Ehdr head;

	assert_int_equal(pdp_elf_open(&elf, PLUGIN, why, sizeof(why)), 0);
	memcpy(&head, bytes, sizeof(head));
	change(0, sizeof(head) + head.e_phnum * sizeof(Elf64_Phdr));
	change(elf.dynamic_off, elf.dynamic_off + elf.dynamic_size);
	change(elf.symtab_off, elf.symtab_off + 512);
	change(elf.strtab_off + elf.strtab_size - 1, elf.strtab_off + elf.strtab_size);
	pdp_elf_close(&elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plugin),	cmocka_unit_test(test_program),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
