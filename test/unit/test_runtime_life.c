/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How an engine's end is told: children that end in every way, and their status page afterwards.
 */
#include "kit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../apps/pdp-engine/runtime.h"

static struct pdp_status *page;

static int open_page(void **state)
{
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return page == MAP_FAILED ? -1 : 0;
}

static int close_page(void **state)
{
	return munmap(page, sizeof(*page));
}

/* @return how the child ended, as waitpid() says */
static int child(void (*end)(void))
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		/* Sanitizers and cmocka have handlers of their own. */
		for (int sig = 1; sig < 32; sig++)
			signal(sig, SIG_DFL);
		rt_life_begin(page);
		if (page->life != (uint32_t)getpid())
			_exit(99);
		end();
		_exit(98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(page->life & PDP_LIFE_DIED);
	return status;
}

static void leave(void)
{
	_exit(0);
}

static void be_killed(void)
{
	kill(getpid(), SIGKILL);
}

static void write_wild(void)
{
	*(volatile char *)0x1230 = 1;
}

static void call_nowhere(void)
{
	void (*volatile nowhere)(void) = NULL;

	nowhere();
}

static int deeper(volatile char *above)
{
	volatile char here[4096];

	here[0] = above[0];
	return above[0] == 0 ? deeper(here) + here[0] : 0;
}

static void overflow_stack(void)
{
	volatile char here = 0;

	_exit(deeper(&here));
}

static void from_outside(void)
{
	const pid_t parent = getpid();

	if (fork() == 0) {
		kill(parent, SIGSEGV);
		_exit(0);
	}
	pause();
}

static void test_no_crash(void **state)
{
	assert_int_equal(child(leave), 0);
	assert_int_equal(page->crash.signal, 0);
	assert_int_equal(WTERMSIG(child(be_killed)), SIGKILL);
	assert_int_equal(page->crash.signal, 0);
	assert_true(page->n_modules > 1);
}

static bool in_module(uint64_t address)
{
	for (uint32_t i = 0; i < page->n_modules; i++) {
		const struct pdp_crash_module *m = &page->modules[i];

		if (address >= m->start && address < m->end)
			return true;
	}
	return false;
}

static void expect_crash(void (*end)(void), int sig, bool own)
{
	const struct pdp_crash *c = &page->crash;
	int status;

	*page = (struct pdp_status){0};
	status = child(end);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), sig);
	assert_int_equal(c->signal, sig);
	assert_int_equal(c->own, own);
	assert_true(c->tsc != 0);
	assert_in_range(c->n_frames, 1, PDP_CRASH_FRAMES);
}

static void test_faults(void **state)
{
	expect_crash(write_wild, SIGSEGV, true);
	assert_int_equal(page->crash.address, 0x1230);
	assert_true(page->crash.code > 0);
	assert_true(in_module(page->crash.frames[0]));
	assert_true(page->crash.n_frames >= 3 && in_module(page->crash.frames[1]));
	expect_crash(call_nowhere, SIGSEGV, true);
	assert_int_equal(page->crash.frames[0], 0);
	expect_crash(overflow_stack, SIGSEGV, true);
	assert_true(in_module(page->crash.frames[0]));
	assert_int_equal(page->crash.n_frames, PDP_CRASH_FRAMES);
}

static void test_abort(void **state)
{
	expect_crash(abort, SIGABRT, true);
	assert_true(page->crash.n_frames >= 3);
}

static void test_sent(void **state)
{
	expect_crash(from_outside, SIGSEGV, false);
	assert_true(page->crash.code <= 0);
	assert_true(page->crash.address > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_crash, open_page, close_page),
		cmocka_unit_test_setup_teardown(test_faults, open_page, close_page),
		cmocka_unit_test_setup_teardown(test_abort, open_page, close_page),
		cmocka_unit_test_setup_teardown(test_sent, open_page, close_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
