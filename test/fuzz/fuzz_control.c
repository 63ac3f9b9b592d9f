/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes, cut anyhow, from a client of the control socket: each line that is not blank gets one
 * answer in JSON, and at the end the connection is closed. The first byte of the input says how it
 * is cut.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "control_priv.h"
#include "fuzz.h"

#define ROOM (1u << 20)

static struct pdp_control ctl;
static char answers[ROOM];
static size_t n_answers; /* bytes */

static int run_echo(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	*result = json_deep_copy(args);
	return 0;
}

static int run_fail(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const char *say = json_string_value(json_object_get(args, "say"));

	snprintf(err, err_size, "%.9s", say != NULL ? say : ""); /* may cut a character in two */
	return -1;
}

/* A server without a listening socket: clients are handed to it. */
static void set_up(void)
{
	LIST_INIT(&ctl.clients);
	ctl.loop = pdp_loop_create();
	FUZZ_CHECK(ctl.loop != NULL && control_register_help(&ctl) == 0);
	FUZZ_CHECK(pdp_control_register(&ctl, "echo", "", run_echo, NULL) == 0);
	FUZZ_CHECK(pdp_control_register(&ctl, "fail", "", run_fail, NULL) == 0);
}

/* Let the server work and read what it says. @return false: it has closed */
static bool exchange(int fd)
{
	ssize_t n;

	FUZZ_CHECK(pdp_loop_once(ctl.loop, 0) == 0);
	do {
		FUZZ_CHECK(n_answers < ROOM);
		n = recv(fd, answers + n_answers, ROOM - n_answers, MSG_DONTWAIT);
		n_answers += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	return n != 0;
}

/* What take_line() calls lines: as many answers have to come. */
static unsigned int count_lines(const uint8_t *data, size_t size)
{
	unsigned int n = 0;

	for (size_t i = 0; i < size;) {
		const uint8_t *end = memchr(data + i, '\n', size - i);
		size_t len = end != NULL ? (size_t)(end - data) - i : size - i;
		const size_t next = i + len + (end != NULL);

		if (len > 0 && data[i + len - 1] == '\r')
			len--;
		n += len > 0;
		i = next;
	}
	return n;
}

static void check_answers(unsigned int n_lines)
{
	unsigned int n = 0;

	for (size_t i = 0; i < n_answers; n++) {
		const char *end = memchr(answers + i, '\n', n_answers - i);
		json_t *answer;

		FUZZ_CHECK(end != NULL);
		answer = json_loadb(answers + i, (size_t)(end - answers) - i, 0, NULL);
		FUZZ_CHECK(answer != NULL);
		FUZZ_CHECK(json_object_get(answer, json_is_true(json_object_get(answer, "ok"))
							   ? "result"
							   : "error") != NULL);
		json_decref(answer);
		i = (size_t)(end - answers) + 1;
	}
	FUZZ_CHECK(n == n_lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t cut = size > 0 && data[0] % 64 != 0 ? data[0] % 64 * 16 : size;
	int fds[2];

	if (size > 0) {
		data++;
		size--;
	}
	if (size > 4096)
		return 0;
	if (ctl.loop == NULL)
		set_up();
	n_answers = 0;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	FUZZ_CHECK(client_add(&ctl, fds[0]) == 0);
	for (size_t i = 0; i < size; i += cut) {
		const size_t n = size - i < cut ? size - i : cut;

		FUZZ_CHECK(send(fds[1], data + i, n, MSG_NOSIGNAL) == (ssize_t)n);
		FUZZ_CHECK(exchange(fds[1]));
	}
	FUZZ_CHECK(shutdown(fds[1], SHUT_WR) == 0);
	while (exchange(fds[1]))
		;
	close(fds[1]);
	FUZZ_CHECK(ctl.n_clients == 0);
	check_answers(count_lines(data, size));
	return 0;
}
