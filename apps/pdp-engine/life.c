/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the primary hears at once that this engine is gone, and of what.
 *
 * The status page's word `life` is the loop thread's one robust futex: the kernel marks it when the
 * thread ends, however it does, before the address space is torn down. A handler for the signals of
 * crashes marks it sooner, and leaves the signal, the address and a backtrace in the page; it runs
 * on a stack of its own and calls nothing that allocates or locks.
 */
#include <execinfo.h>
#include <link.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "runtime.h"

#define STACK_SIZE (64 * 1024) /* unwinding with AVX-512 registers saved takes some 10 KB */
#define OWN_FRAMES 4	       /* of the handler, at most, before the one that crashed */

static struct pdp_status *page;
/* The list is private, only the word is shared: nothing in shared memory is an address. */
static struct robust_list entry;
static struct robust_list_head head;
static uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));

static uint64_t crash_pc(const void *context)
{
#if defined(__x86_64__)
	return (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return ((const ucontext_t *)context)->uc_mcontext.pc;
#else
	return 0;
#endif
}

/* Where the unwinder does not find the place of the crash, as after a jump to nowhere, that alone.
 */
static void write_frames(struct pdp_crash *c, uint64_t pc)
{
	void *frames[PDP_CRASH_FRAMES + OWN_FRAMES];
	int n = backtrace(frames, PDP_CRASH_FRAMES + OWN_FRAMES), first = 0, k = 0;

	while (first < n && (uint64_t)(uintptr_t)frames[first] != pc)
		first++;
	c->frames[k++] = pc;
	for (int i = first + 1; i < n && k < PDP_CRASH_FRAMES; i++)
		c->frames[k++] = (uint64_t)(uintptr_t)frames[i];
	__atomic_store_n(&c->n_frames, (uint32_t)k, __ATOMIC_RELEASE);
}

static bool known(uint64_t address)
{
	for (uint32_t i = 0; i < page->n_modules; i++) {
		if (address >= page->modules[i].start && address < page->modules[i].end)
			return true;
	}
	return false;
}

static void on_crash(int sig, siginfo_t *si, void *context)
{
	static uint32_t crashed;
	struct pdp_crash *c = &page->crash;

	/* The second crash, of the handler or of another thread, goes by the first one's record. */
	signal(sig, SIG_DFL);
	if (__atomic_exchange_n(&crashed, 1, __ATOMIC_RELAXED) != 0)
		return;
	c->tsc = rte_rdtsc();
	c->code = si->si_code;
	c->address = si->si_code > 0 ? (uint64_t)(uintptr_t)si->si_addr : (uint64_t)si->si_pid;
	c->own = si->si_code > 0 || si->si_pid == getpid();
	__atomic_store_n(&c->signal, (uint32_t)sig, __ATOMIC_RELEASE);
	__atomic_fetch_or(&page->life, PDP_LIFE_DIED, __ATOMIC_RELEASE);
	write_frames(c, crash_pc(context));
	/* A constructor of something that is being loaded. Another thread that loads something just
	 * now may keep us here: the primary knows already, and kills. */
	if (!known(c->frames[0]))
		rt_life_modules();
	/* Sent by somebody, it would not come again; blocked until the handler returns. */
	syscall(SYS_tgkill, getpid(), gettid(), sig);
}

static int add_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	uint32_t *n = arg;
	struct pdp_crash_module *m = &page->modules[*n];
	const char *name = strrchr(info->dlpi_name, '/');

	if (*n == PDP_CRASH_MODULES)
		return 1;
	name = name != NULL ? name + 1 : info->dlpi_name;
	*m = (struct pdp_crash_module){.base = info->dlpi_addr, .start = UINT64_MAX};
	/* The program itself has no name. */
	snprintf(m->name, sizeof(m->name), "%s", name[0] != '\0' ? name : "pdp-engine");
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD)
			continue;
		m->start = RTE_MIN(m->start, info->dlpi_addr + p->p_vaddr);
		m->end = RTE_MAX(m->end, info->dlpi_addr + p->p_vaddr + p->p_memsz);
	}
	++*n;
	return 0;
}

void rt_life_modules(void)
{
	uint32_t n = 0;

	dl_iterate_phdr(add_module, &n);
	__atomic_store_n(&page->n_modules, n, __ATOMIC_RELEASE);
}

static void catch_crashes(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction sa = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	void *frame;

	/* The first call loads what unwinding takes; none in the handler may. */
	backtrace(&frame, 1);
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < RTE_DIM(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

void rt_life_begin(struct pdp_status *status)
{
	page = status;
	rt_life_modules();
	catch_crashes();
	__atomic_store_n(&status->life, (uint32_t)gettid(), __ATOMIC_RELEASE);
	entry.next = &head.list;
	head = (struct robust_list_head){
		.list = {.next = &entry},
		.futex_offset = (long)((char *)&status->life - (char *)&entry),
	};
	syscall(SYS_set_robust_list, &head, sizeof(head));
}
