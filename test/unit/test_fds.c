/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors beside a message: they arrive, in order, and none is left open when they cannot. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <pdp_fds.h>

static int pair[2];

static int setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state)
{
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int memfd_with(char byte)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, &byte, 1), 1);
	return fd;
}

/* The lowest number that is free: open descriptors are counted by it. */
static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void arrive_in_order(void **state)
{
	int sent[PDP_FDS_MAX], got[PDP_FDS_MAX];
	unsigned int n;
	char msg[8], byte;

	for (int i = 0; i < PDP_FDS_MAX; i++)
		sent[i] = memfd_with((char)('a' + i));
	assert_int_equal(pdp_fds_send(pair[0], "hello", 6, sent, PDP_FDS_MAX), 6);
	assert_int_equal(pdp_fds_recv(pair[1], msg, sizeof(msg), got, &n), 6);
	assert_string_equal(msg, "hello");
	assert_int_equal(n, PDP_FDS_MAX);
	for (int i = 0; i < PDP_FDS_MAX; i++) {
		assert_int_equal(pread(got[i], &byte, 1, 0), 1);
		assert_int_equal(byte, 'a' + i);
		assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
		close(sent[i]);
		close(got[i]);
	}
}

static void none_is_fine(void **state)
{
	int got[PDP_FDS_MAX];
	unsigned int n = 77;
	char msg[8];

	assert_int_equal(pdp_fds_send(pair[0], "x", 2, NULL, 0), 2);
	assert_int_equal(pdp_fds_recv(pair[1], msg, sizeof(msg), got, &n), 2);
	assert_int_equal(n, 0);
}

static void too_long_leaves_nothing_open(void **state)
{
	int before, fd = memfd_with('x'), got[PDP_FDS_MAX];
	unsigned int n;
	char msg[4];

	before = next_fd();
	assert_int_equal(pdp_fds_send(pair[0], "longer", 7, &fd, 1), 7);
	assert_int_equal(pdp_fds_recv(pair[1], msg, sizeof(msg), got, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(next_fd(), before);
	close(fd);
}

static void says_what_is_wrong(void **state)
{
	int got[PDP_FDS_MAX], other;
	unsigned int n;
	char msg[8];

	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	assert_int_equal(pdp_fds_recv(pair[1], msg, sizeof(msg), got, &n), -EAGAIN);
	other = pair[0];
	pair[0] = dup(0);
	close(other);
	assert_int_equal(pdp_fds_recv(pair[1], msg, sizeof(msg), got, &n), 0);
	assert_int_equal(pdp_fds_send(pair[1], "x", 2, NULL, 0), -EPIPE);
}

/* An engine that does not read its socket costs nothing but this. */
static void never_blocks(void **state)
{
	char msg[4096] = {0};
	ssize_t rc;

	do {
		rc = pdp_fds_send(pair[0], msg, sizeof(msg), NULL, 0);
	} while (rc > 0);
	assert_int_equal(rc, -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arrive_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(none_is_fine, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long_leaves_nothing_open, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_is_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(never_blocks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
