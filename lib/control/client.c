/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of the control socket: bytes to lines, lines to answers, answers to bytes.
 *
 * Runs on the control thread and never waits: while an answer is not out, the next request is not
 * looked at, so a client holds at most one answer and one request in memory.
 */
#include "control_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t control_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void client_drop(struct client *client)
{
	LIST_REMOVE(client, link);
	client->ctl->n_clients--;
	pdp_watch_remove(client->watch);
	close(client->fd);
	free(client->in);
	free(client->out);
	free(client);
}

/* Write as much of the answer as fits. @return whether all of it is out; false with errno EAGAIN:
 * later; else: dead */
static bool flush(struct client *client)
{
	while (client->out_done < client->out_size) {
		const ssize_t n = send(client->fd, client->out + client->out_done,
				       client->out_size - client->out_done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		client->out_done += (size_t)n;
		client->progress_ms = control_now_ms();
	}
	free(client->out);
	client->out = NULL;
	client->out_size = 0;
	client->out_done = 0;
	return true;
}

/* Take `size` bytes off the input. */
static void consume(struct client *client, size_t size)
{
	client->in_size -= size;
	memmove(client->in, client->in + size, client->in_size);
}

/* Answer the line of `size` bytes at the beginning of the input; blank lines get none. @return
 * false: no memory */
static bool answer_line(struct client *client, size_t size)
{
	if (client->skipping) {
		client->skipping = false;
		return true;
	}
	if (size > 0 && client->in[size - 1] == '\r')
		size--;
	if (size == 0)
		return true;
	client->out = control_answer(client->ctl, client->in, size, &client->out_size);
	client->progress_ms = control_now_ms();
	return client->out != NULL;
}

/*
 * Answer the next line of the input, if there is a whole one. A line that fills the buffer is
 * refused at once and its rest skipped; the last line need not end.
 * @return 1: one was taken, 0: there is none, -1: no memory
 */
static int take_line(struct client *client)
{
	char *end = memchr(client->in, '\n', client->in_size);
	const size_t size = end != NULL ? (size_t)(end - client->in) : client->in_size;
	bool ok = true;

	if (end == NULL && client->in_size > CONTROL_LINE_MAX) {
		if (!client->skipping) {
			client->out = control_refuse(
				&client->out_size, "the request is longer than %u bytes; split it",
				CONTROL_LINE_MAX);
			client->progress_ms = control_now_ms();
			ok = client->out != NULL;
		}
		client->skipping = true;
		client->in_size = 0;
		return ok ? 1 : -1;
	}
	if (end == NULL && (!client->eof || size == 0))
		return 0;
	ok = answer_line(client, size);
	consume(client, size + (end != NULL));
	return ok ? 1 : -1;
}

/* Serve what is there until input or room for output is used up; at the end drop the client. */
static void serve(struct client *client)
{
	int taken;

	do {
		if (client->out != NULL && !flush(client)) {
			/* Not even an end of the input is looked at before the answer is out. */
			if (errno == EAGAIN && pdp_watch_events(client->watch, EPOLLOUT) == 0)
				return;
			client_drop(client);
			return;
		}
		taken = take_line(client);
	} while (taken > 0);
	if (taken < 0 || client->eof || pdp_watch_events(client->watch, EPOLLIN) != 0)
		client_drop(client);
}

/* Read once. @return false: the client is dead */
static bool read_input(struct client *client)
{
	const size_t room = CONTROL_LINE_MAX + 1 - client->in_size;
	const ssize_t n = recv(client->fd, client->in + client->in_size, room, 0);

	if (n > 0)
		client->in_size += (size_t)n;
	else if (n == 0)
		client->eof = true;
	else
		return errno == EAGAIN || errno == EINTR;
	return true;
}

static void on_event(void *arg, int fd, uint32_t events)
{
	struct client *client = arg;

	if (events & (EPOLLIN | EPOLLOUT)) {
		if ((events & EPOLLIN) == 0 || read_input(client)) {
			serve(client);
			return;
		}
	}
	client_drop(client);
}

int client_add(struct pdp_control *ctl, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	int rc = -ENOMEM;

	if (client == NULL)
		goto err;
	client->ctl = ctl;
	client->fd = fd;
	client->in = malloc(CONTROL_LINE_MAX + 1);
	if (client->in == NULL)
		goto err;
	client->watch = pdp_loop_watch(ctl->loop, fd, EPOLLIN, on_event, client);
	if (client->watch == NULL) {
		rc = -errno;
		goto err;
	}
	LIST_INSERT_HEAD(&ctl->clients, client, link);
	ctl->n_clients++;
	return 0;
err:
	close(fd);
	if (client != NULL)
		free(client->in);
	free(client);
	return rc;
}
