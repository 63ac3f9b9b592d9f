/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way to the node and back. Every wait has an end: a node that is stopped does not hang whoever
 * asks.
 */
#include "ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 10

static int fail(const char *path, int error, char *err, size_t err_size)
{
	if (error == EACCES || error == EPERM)
		snprintf(err, err_size,
			 "%s belongs to another user; run as the user of the node, or as root",
			 path);
	else
		snprintf(err, err_size,
			 "no node runs behind %s (%s); start pdp-primary, or name another with "
			 "--file-prefix PREFIX or --socket PATH",
			 path, strerror(error));
	return CTL_NO_NODE;
}

int ctl_connect(struct ctl_connection *c, const char *path, char *err, size_t err_size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd;

	c->path = path;
	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(path, ENAMETOOLONG, err, err_size);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(path, errno, err, err_size);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    (c->stream = fdopen(fd, "r")) == NULL) {
		int error = errno;

		close(fd);
		return fail(path, error, err, err_size);
	}
	return CTL_OK;
}

void ctl_disconnect(struct ctl_connection *c)
{
	fclose(c->stream);
}

/* Send a line. A node that turns us away may have closed already; what it said can still be read.
 */
static void send_line(struct ctl_connection *c, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	const size_t size = text != NULL ? strlen(text) : 0;
	ssize_t n;

	if (text == NULL)
		return;
	text[size] = '\n'; /* where the NUL was */
	for (size_t done = 0; done < size + 1; done += (size_t)n) {
		n = send(fileno(c->stream), text + done, size + 1 - done, MSG_NOSIGNAL);
		if (n <= 0)
			break;
	}
	free(text);
}

static json_t *read_answer(struct ctl_connection *c, char *err, size_t err_size)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	json_t *answer = NULL;

	errno = 0;
	n = getline(&line, &room, c->stream);
	if (n > 0 && line[n - 1] == '\n')
		answer = json_loadb(line, (size_t)n, 0, NULL);
	if (answer == NULL && (errno == EAGAIN || errno == EWOULDBLOCK))
		snprintf(err, err_size,
			 "no answer from the node behind %s within %d s; it is stopped or busy",
			 c->path, PATIENCE_S);
	else if (answer == NULL && n <= 0)
		snprintf(err, err_size, "the node behind %s has gone", c->path);
	else if (answer == NULL)
		snprintf(err, err_size, "what is behind %s is no PdP node: its answer is no JSON",
			 c->path);
	free(line);
	return answer;
}

int ctl_ask(struct ctl_connection *c, const json_t *request, json_t **result, char *err,
	    size_t err_size)
{
	json_t *answer;
	int rc = CTL_OK;

	send_line(c, request);
	answer = read_answer(c, err, err_size);
	if (answer == NULL)
		return CTL_NO_NODE;
	if (json_is_true(json_object_get(answer, "ok"))) {
		*result = json_incref(json_object_get(answer, "result"));
	} else {
		const char *error = json_string_value(json_object_get(answer, "error"));

		snprintf(err, err_size, "%s", error != NULL ? error : "the node refused");
		rc = CTL_REFUSED;
	}
	json_decref(answer);
	return rc;
}
