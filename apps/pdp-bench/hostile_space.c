/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hostile plugin's address space: all of it is found, read, written, and what is shared is
 * punched, shrunk, grown and mapped anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostile.h"

#define PAGE	   4096u
#define SPACE	   (UINT64_C(1) << 47)
#define N_RANGES   4096
#define ASTRAY	   10000 /* addresses where nothing of its own is */
#define LINE	   64u
#define FDS	   64
#define MARK_BYTES 6

/* The MAC address that frames of VR blue go to in the bench, every bit turned, so that it is not
 * found in this program: nothing of blue's is to be seen. */
static const uint8_t turned_mark[MARK_BYTES] = {0xfd, 0x4e, 0xf1, 0x4e, 0xf1, 0x4e};

static bool readable(uintptr_t at)
{
	/* Reads the set before it looks at what to do with it. */
	return syscall(SYS_rt_sigprocmask, 99, at, NULL, 8) != 0 && errno != EFAULT;
}

static bool writable(uintptr_t at)
{
	static uint32_t own;
	const int add_nothing = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0);

	return syscall(SYS_futex, &own, FUTEX_WAKE_OP, 0, 0, at, add_nothing) >= 0;
}

struct finder {
	struct range *ranges;
	unsigned int n;
	unsigned int n_max;
};

static void found(struct finder *f, uintptr_t at, size_t size)
{
	const bool r = readable(at), w = r && writable(at);
	struct range *last = f->n != 0 ? &f->ranges[f->n - 1] : NULL;

	if (last != NULL && last->at + last->size == at && last->readable == r &&
	    last->writable == w) {
		last->size += size;
		return;
	}
	if (f->n < f->n_max)
		f->ranges[f->n++] = (struct range){
			.at = at, .size = size, .readable = r, .writable = w};
}

/* What cannot be mapped because something else is there is halved. */
static void look(struct finder *f, uintptr_t at, size_t size)
{
	void *p = mmap((void *)at, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != MAP_FAILED) {
		munmap(p, size);
		return;
	}
	if (errno != EEXIST)
		return;
	if (size == PAGE) {
		found(f, at, size);
		return;
	}
	look(f, at, size / 2);
	look(f, at + size / 2, size / 2);
}

unsigned int space_map(struct range *ranges, unsigned int n_max)
{
	struct finder f = {.ranges = ranges, .n_max = n_max};

	/* The last page of user space cannot be mapped by anybody. */
	for (uint64_t half = SPACE / 2, at = 0; half >= PAGE; at += half, half /= 2)
		look(&f, at, half);
	return f.n;
}

static struct range *all_ranges(unsigned int *n)
{
	static struct range ranges[N_RANGES];

	*n = space_map(ranges, N_RANGES);
	return ranges;
}

/* Whether it is a region whose VR's arguments are ours. */
static bool is_region(uintptr_t at, size_t left)
{
	const struct pdp_region *r = (const struct pdp_region *)at;
	const struct pdp_engine_conf *c;
	const char *args;

	if (left < sizeof(*r) || r->magic != PDP_REGION_MAGIC || r->size > left ||
	    r->conf_off + sizeof(*c) > r->size || r->status_off > r->size)
		return false;
	c = (const struct pdp_engine_conf *)(at + r->conf_off);
	if (r->conf_off + c->args_off + c->args_size > r->size)
		return false;
	args = (const char *)c + c->args_off;
	return memmem(args, c->args_size, "\"try\"", 5) != NULL;
}

bool space_find(struct world *w)
{
	unsigned int n;
	const struct range *ranges = all_ranges(&n);

	for (unsigned int i = 0; i < n; i++) {
		if (!ranges[i].writable)
			continue;
		for (size_t at = 0; at < ranges[i].size; at += LINE) {
			struct pdp_region *r = (struct pdp_region *)(ranges[i].at + at);

			if (!is_region((uintptr_t)r, ranges[i].size - at))
				continue;
			w->region = r;
			w->status = pdp_region_status(r);
			w->conf = pdp_region_conf(r);
			return true;
		}
	}
	return false;
}

static sigjmp_buf out;

static void on_fault(int sig)
{
	siglongjmp(out, sig);
}

/* @return the signal that reading and writing there brings; 0: none */
static int touch(uintptr_t at, bool write)
{
	volatile uint8_t *p = (volatile uint8_t *)at;
	int sig = sigsetjmp(out, 1);

	if (sig != 0)
		return sig;
	if (write)
		*p = *p;
	else
		(void)*p;
	return 0;
}

static unsigned int count_marks(uintptr_t at, size_t size)
{
	const uint8_t *p = (const uint8_t *)at, *last = p + size - MARK_BYTES;
	const uint8_t first = (uint8_t)~turned_mark[0];
	unsigned int n = 0;

	for (; p <= last && (p = memchr(p, first, (size_t)(last - p) + 1)) != NULL; p++) {
		unsigned int k = 1;

		while (k < MARK_BYTES && (p[k] ^ turned_mark[k]) == 0xff)
			k++;
		n += k == MARK_BYTES;
	}
	return n;
}

static unsigned int go_astray(struct world *w, const struct range *ranges, unsigned int n)
{
	unsigned int there = 0;

	for (unsigned int i = 0; i < ASTRAY; i++) {
		const uintptr_t at = noise(w) % SPACE;
		bool mine = false;

		for (unsigned int k = 0; k < n; k++)
			mine |= at - ranges[k].at < ranges[k].size;
		there += !mine && touch(at, w->region->sealed) == 0;
	}
	return there;
}

/* Read all that can be read, write what can be written (the same bytes; not where others may be
 * writing), look for what is another's. */
void space_scan(struct world *w)
{
	struct sigaction act = {.sa_handler = on_fault, .sa_flags = SA_NODEFER}, old[2];
	unsigned int n, r_pages = 0, w_pages = 0, faults = 0, marks = 0;
	const struct range *ranges = all_ranges(&n);

	sigaction(SIGSEGV, &act, &old[0]);
	sigaction(SIGBUS, &act, &old[1]);
	for (unsigned int i = 0; i < n; i++) {
		const struct range *r = &ranges[i];

		for (size_t at = 0; at < r->size; at += PAGE)
			faults += touch(r->at + at, r->writable && w->region->sealed) != 0;
		if (!r->readable)
			continue;
		r_pages += (unsigned int)(r->size / PAGE);
		w_pages += r->writable ? (unsigned int)(r->size / PAGE) : 0;
		marks += count_marks(r->at, r->size);
	}
	tell(w,
	     "%u ranges, %u pages to read, %u of them to write, %u that fault; %u of blue's seen",
	     n, r_pages, w_pages, faults, marks);
	tell(w, "of %u other addresses %u are there", ASTRAY, go_astray(w, ranges, n));
	sigaction(SIGSEGV, &old[0], NULL);
	sigaction(SIGBUS, &old[1], NULL);
}

/* Noise over everything, first what is shared. It does not survive that. */
void space_overwrite(struct world *w)
{
	volatile uint8_t *p = (volatile uint8_t *)w->region;
	const size_t size = w->region->size;
	unsigned int n;
	const struct range *ranges = all_ranges(&n);

	tell(w, "begins");
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)noise(w);
	for (unsigned int i = 0; i < n; i++) {
		if (!ranges[i].writable)
			continue;
		p = (volatile uint8_t *)ranges[i].at;
		for (size_t k = 0; k < ranges[i].size; k++)
			p[k] = (uint8_t)(i + k);
	}
	tell(w, "still there");
}

static void holes_by_descriptor(struct world *w)
{
	int done = 0, last = 0;

	for (int fd = 0; fd < FDS; fd++) {
		done += fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) == 0;
		last = errno;
		done += ftruncate(fd, 0) == 0 || ftruncate(fd, 1 << 30) == 0;
		done += fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
		done += mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
	}
	errno = last;
	tell_call(w, "punch, truncate, seal, map by descriptor", done != 0 ? 0 : -1);
}

/* Code that is made writable cannot be made code again. */
static int is_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct range *r = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		const uintptr_t at = info->dlpi_addr + h->p_vaddr;

		if (h->p_type == PT_LOAD && h->p_flags & PF_X && at < r->at + r->size &&
		    r->at < at + h->p_memsz)
			return 1;
	}
	return 0;
}

/* Read-only memory that is its own may become writable; what is shared (the routes) may not. */
static void make_writable(struct world *w)
{
	unsigned int n, done = 0, refused = 0;
	const struct range *ranges = all_ranges(&n);

	for (unsigned int i = 0; i < n; i++) {
		if (!ranges[i].readable || ranges[i].writable ||
		    dl_iterate_phdr(is_code, (void *)&ranges[i]) != 0)
			continue;
		if (mprotect((void *)ranges[i].at, ranges[i].size, PROT_READ | PROT_WRITE) == 0)
			done++;
		else
			refused++;
	}
	tell(w, "read-only ranges made writable: %u, each a copy of its own", done);
	errno = EACCES;
	if (w->info == NULL || w->info->fib == NULL)
		return;
	tell_call(w, "the routes", refused == 0 ? 0 : -1);
}

void space_holes(struct world *w)
{
	void *region = w->region;
	const size_t size = (w->region->size + PAGE - 1) / PAGE * PAGE;
	void *copy;

	tell_call(w, "madvise(MADV_REMOVE)", madvise(region, size, MADV_REMOVE));
	tell_call(w, "madvise(MADV_DONTFORK)", madvise(region, size, MADV_DONTFORK));
	holes_by_descriptor(w);
	tell_call(w, "mprotect to execute", mprotect(region, size, PROT_READ | PROT_EXEC));
	tell_call(w, "remap_file_pages", syscall(SYS_remap_file_pages, region, size, 0, 1, 0));
	tell_call(w, "mlock", mlock(region, size));
	make_writable(w);
	/* A second map of the same pages, and one beyond their end: allowed, and no use. */
	copy = mremap(region, 0, size, MREMAP_MAYMOVE);
	tell_call(w, "mremap to a second map", copy == MAP_FAILED ? -1 : 0);
	if (copy == MAP_FAILED)
		return;
	tell_call(w, "MADV_REMOVE of the second map", madvise(copy, size, MADV_REMOVE));
	copy = mremap(copy, size, 16 * size, MREMAP_MAYMOVE);
	tell_call(w, "mremap beyond its end", copy == MAP_FAILED ? -1 : 0);
	signal(SIGBUS, SIG_DFL);
	if (copy != MAP_FAILED)
		((volatile uint8_t *)copy)[15 * size] = 1;
	tell(w, "wrote beyond the end");
}

void space_allocate(struct world *w)
{
	unsigned int mb = 0, maps = 0;
	char *p;

	while ((p = malloc(1 << 20)) != NULL) {
		for (size_t at = 0; at < 1 << 20; at += PAGE)
			((volatile char *)p)[at] = 1;
		mb++;
	}
	tell(w, "malloc: %u MB, then %s", mb, strerrorname_np(errno));
	while (maps < 100000) {
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			break;
		*(volatile char *)p = 1;
		maps++;
	}
	tell(w, "mmap: %u pages more, then %s", maps, strerrorname_np(errno));
	tell_call(w, "huge pages",
		  mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) != MAP_FAILED
			  ? 0
			  : -1);
	tell_call(w, "shared memory",
		  mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) !=
				  MAP_FAILED
			  ? 0
			  : -1);
}
