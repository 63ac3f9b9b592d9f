/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads shared objects without loading them: nothing of a plugin may run before it is confined, its
 * constructors included, and so neither dlopen() nor the dynamic loader may look at it. The file is
 * taken for hostile: read into private memory, every offset checked.
 */
#ifndef PDP_ELF_H
#define PDP_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDP_ELF_SIZE_MAX (256u << 20) /**< larger files are refused */

/** A file that was read. Owner: the caller embeds it. */
struct pdp_elf {
	unsigned char *bytes;
	size_t size;
	uint64_t dynamic_off, dynamic_size; /**< in the file; size 0: it is linked statically */
	uint64_t strtab_off, strtab_size;
	uint64_t symtab_off;
	uint32_t n_symbols;
};

/**
 * Read an ELF file of this machine's class, byte order and architecture.
 * @param elf  out; to be given to pdp_elf_close(), also after a failure
 * @param err  out, on failure: half a sentence without the path ("it is no ELF file")
 * @return 0, -errno of open and read, -EFBIG, or -ENOEXEC: not such a file, or one that contradicts
 * itself
 * Thread: any.
 */
int pdp_elf_open(struct pdp_elf *elf, const char *path, char *err, size_t err_size);

/** Free what pdp_elf_open() took. */
void pdp_elf_close(struct pdp_elf *elf);

/** @return the i-th library that it needs (DT_NEEDED), or NULL: there are no more */
const char *pdp_elf_needed(const struct pdp_elf *elf, unsigned int i);

/** @return where its libraries are looked for first (DT_RUNPATH, else DT_RPATH), or NULL */
const char *pdp_elf_runpath(const struct pdp_elf *elf);

/** @return its dynamic loader (PT_INTERP), or NULL */
const char *pdp_elf_interp(const struct pdp_elf *elf);

/**
 * Read the beginning of a variable that it exports, as the file has it: relocations are not
 * applied.
 * @param out   out: size bytes
 * @return 0, -ENOENT (it exports no such symbol), or -ERANGE (the symbol is shorter, or not in the
 * file)
 */
int pdp_elf_symbol(const struct pdp_elf *elf, const char *name, void *out, size_t size);

#endif /* PDP_ELF_H */
