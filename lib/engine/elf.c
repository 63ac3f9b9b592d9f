/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared objects, read as bytes. Any thread; no state of its own.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pdp_elf.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_HERE ELFDATA2LSB
#else
#define DATA_HERE ELFDATA2MSB
#endif
#if __SIZEOF_POINTER__ == 8
#define CLASS_HERE ELFCLASS64
#else
#define CLASS_HERE ELFCLASS32
#endif
#if defined(__x86_64__)
#define MACHINE_HERE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE_HERE EM_AARCH64
#else
#error "which e_machine has this architecture?"
#endif

static bool inside(const struct pdp_elf *elf, uint64_t off, uint64_t size)
{
	return size <= elf->size && off <= elf->size - size;
}

/* Copies: nothing in the file is aligned for certain. */
static bool get(const struct pdp_elf *elf, uint64_t off, void *out, size_t size)
{
	if (!inside(elf, off, size))
		return false;
	memcpy(out, elf->bytes + off, size);
	return true;
}

/* A string inside a part of the file that ends with a NUL. */
static const char *string_in(const struct pdp_elf *elf, uint64_t off, uint64_t size, uint64_t at)
{
	if (at >= size || !inside(elf, off, size) || elf->bytes[off + size - 1] != '\0')
		return NULL;
	return (const char *)elf->bytes + off + at;
}

static int read_all(struct pdp_elf *elf, const char *path, char *err, size_t err_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) != 0) {
		int rc = -errno;

		snprintf(err, err_size, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)PDP_ELF_SIZE_MAX) {
		snprintf(err, err_size, S_ISREG(st.st_mode) ? "it is too large" : "it is no file");
		close(fd);
		return S_ISREG(st.st_mode) ? -EFBIG : -ENOEXEC;
	}
	elf->bytes = malloc((size_t)st.st_size + 1);
	while (elf->bytes != NULL && elf->size < (size_t)st.st_size &&
	       (n = read(fd, elf->bytes + elf->size, (size_t)st.st_size - elf->size)) > 0)
		elf->size += (size_t)n;
	close(fd);
	if (elf->bytes != NULL && n >= 0)
		return 0;
	snprintf(err, err_size, elf->bytes == NULL ? "out of memory" : "it cannot be read");
	return elf->bytes == NULL ? -ENOMEM : -EIO;
}

static bool program_header(const struct pdp_elf *elf, unsigned int i, ElfW(Phdr) * out)
{
	ElfW(Ehdr) head;

	return get(elf, 0, &head, sizeof(head)) && i < head.e_phnum &&
	       head.e_phentsize == sizeof(*out) &&
	       get(elf, head.e_phoff + (uint64_t)i * sizeof(*out), out, sizeof(*out));
}

static bool find_header(const struct pdp_elf *elf, ElfW(Word) type, ElfW(Phdr) * out)
{
	for (unsigned int i = 0; program_header(elf, i, out); i++) {
		if (out->p_type == type)
			return true;
	}
	return false;
}

/* Where in the file the bytes of an address are. */
static bool file_offset(const struct pdp_elf *elf, uint64_t address, uint64_t size, uint64_t *out)
{
	ElfW(Phdr) h;

	for (unsigned int i = 0; program_header(elf, i, &h); i++) {
		if (h.p_type == PT_LOAD && address >= h.p_vaddr &&
		    address - h.p_vaddr < h.p_filesz &&
		    size <= h.p_filesz - (address - h.p_vaddr)) {
			*out = h.p_offset + (address - h.p_vaddr);
			return inside(elf, *out, size);
		}
	}
	return false;
}

/* The nth entry of a tag. */
static bool dynamic(const struct pdp_elf *elf, ElfW(Sxword) tag, unsigned int nth, uint64_t *out)
{
	ElfW(Dyn) d;

	for (uint64_t at = 0; at + sizeof(d) <= elf->dynamic_size; at += sizeof(d)) {
		if (!get(elf, elf->dynamic_off + at, &d, sizeof(d)) || d.d_tag == DT_NULL)
			return false;
		if (d.d_tag == tag && nth-- == 0) {
			*out = d.d_un.d_val;
			return true;
		}
	}
	return false;
}

/* Symbols have no count of their own; the section that holds them does. */
static void find_symbols(struct pdp_elf *elf)
{
	ElfW(Ehdr) head;
	ElfW(Shdr) h;

	if (!get(elf, 0, &head, sizeof(head)) || head.e_shentsize != sizeof(h))
		return;
	for (unsigned int i = 0; i < head.e_shnum; i++) {
		if (!get(elf, head.e_shoff + (uint64_t)i * sizeof(h), &h, sizeof(h)))
			return;
		if (h.sh_type == SHT_DYNSYM && inside(elf, h.sh_offset, h.sh_size)) {
			elf->symtab_off = h.sh_offset;
			elf->n_symbols = (uint32_t)(h.sh_size / sizeof(ElfW(Sym)));
			return;
		}
	}
}

static bool find_dynamic(struct pdp_elf *elf)
{
	uint64_t strings = 0, size = 0;
	ElfW(Phdr) h;

	if (!find_header(elf, PT_DYNAMIC, &h))
		return true;
	if (!inside(elf, h.p_offset, h.p_filesz))
		return false;
	elf->dynamic_off = h.p_offset;
	elf->dynamic_size = h.p_filesz;
	if (!dynamic(elf, DT_STRTAB, 0, &strings) || !dynamic(elf, DT_STRSZ, 0, &size) ||
	    !file_offset(elf, strings, size, &elf->strtab_off))
		return false;
	elf->strtab_size = size;
	find_symbols(elf);
	return true;
}

int pdp_elf_open(struct pdp_elf *elf, const char *path, char *err, size_t err_size)
{
	ElfW(Ehdr) head;
	int rc;

	*elf = (struct pdp_elf){.size = 0};
	rc = read_all(elf, path, err, err_size);
	if (rc != 0)
		return rc;
	if (!get(elf, 0, &head, sizeof(head)) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
		snprintf(err, err_size, "it is no ELF file");
		return -ENOEXEC;
	}
	if (head.e_ident[EI_CLASS] != CLASS_HERE || head.e_ident[EI_DATA] != DATA_HERE ||
	    head.e_machine != MACHINE_HERE) {
		snprintf(err, err_size, "it is built for another machine");
		return -ENOEXEC;
	}
	if (!find_dynamic(elf)) {
		snprintf(err, err_size, "its headers contradict each other");
		return -ENOEXEC;
	}
	return 0;
}

void pdp_elf_close(struct pdp_elf *elf)
{
	free(elf->bytes);
	elf->bytes = NULL;
	elf->size = 0;
}

static const char *dynamic_string(const struct pdp_elf *elf, ElfW(Sxword) tag, unsigned int nth)
{
	uint64_t at;

	return dynamic(elf, tag, nth, &at) ? string_in(elf, elf->strtab_off, elf->strtab_size, at)
					   : NULL;
}

const char *pdp_elf_needed(const struct pdp_elf *elf, unsigned int i)
{
	return dynamic_string(elf, DT_NEEDED, i);
}

const char *pdp_elf_runpath(const struct pdp_elf *elf)
{
	const char *path = dynamic_string(elf, DT_RUNPATH, 0);

	return path != NULL ? path : dynamic_string(elf, DT_RPATH, 0);
}

const char *pdp_elf_interp(const struct pdp_elf *elf)
{
	ElfW(Phdr) h;

	return find_header(elf, PT_INTERP, &h) ? string_in(elf, h.p_offset, h.p_filesz, 0) : NULL;
}

int pdp_elf_symbol(const struct pdp_elf *elf, const char *name, void *out, size_t size)
{
	for (uint32_t i = 0; i < elf->n_symbols; i++) {
		const char *s;
		uint64_t at;
		ElfW(Sym) sym;

		if (!get(elf, elf->symtab_off + (uint64_t)i * sizeof(sym), &sym, sizeof(sym)))
			break;
		s = string_in(elf, elf->strtab_off, elf->strtab_size, sym.st_name);
		if (s == NULL || sym.st_shndx == SHN_UNDEF || strcmp(s, name) != 0)
			continue;
		if (sym.st_size < size || !file_offset(elf, sym.st_value, size, &at))
			return -ERANGE;
		return get(elf, at, out, size) ? 0 : -ERANGE;
	}
	return -ENOENT;
}
