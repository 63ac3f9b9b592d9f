/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside lib/control: commands, the listening socket, and one connection.
 */
#ifndef CONTROL_PRIV_H
#define CONTROL_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <pdp_control.h>

#define CONTROL_CLIENTS_MAX 32
#define CONTROL_LINE_MAX    (64u << 10) /**< longest request, the newline not counted */
#define CONTROL_ANSWER_MAX  (64u << 20) /**< longest answer */
#define CONTROL_STALL_MS    5000	/**< a client that reads nothing for so long is dropped */

/** One registered command. */
struct command {
	char *name;
	char *help;
	pdp_control_fn fn;
	void *arg;
};

/** One client. Lives from accept to close; its memory goes with it. */
struct client {
	LIST_ENTRY(client) link;
	struct pdp_control *ctl;
	struct pdp_watch *watch;
	int fd;
	bool eof;      /**< the client will send no more */
	bool skipping; /**< the rest of a line that was too long */
	char *in;      /**< CONTROL_LINE_MAX + 1 bytes */
	size_t in_size;
	char *out; /**< the answer being written, or NULL; no request is looked at before it is out
		    */
	size_t out_size;
	size_t out_done;
	uint64_t progress_ms; /**< when the last byte of an answer went out */
};

LIST_HEAD(client_list, client);

struct pdp_control {
	struct pdp_loop *loop;
	char *path;
	int fd;
	struct pdp_watch *watch;
	struct pdp_timer *timer; /**< drops clients that do not read */
	unsigned int stall_ms;
	bool paused; /**< no descriptor was left to accept with; the timer tries again */
	struct client_list clients;
	unsigned int n_clients;
	struct command *commands;
	size_t n_commands;
};

/* command.c */

/**
 * Answer one request.
 * @param line  size bytes, the newline not among them
 * @param answer_size  out
 * @return the answer, ended by a newline. Owner: caller. NULL: out of memory
 */
char *control_answer(struct pdp_control *ctl, const char *line, size_t size, size_t *answer_size);

/** An answer that is an error. As control_answer(). */
char *control_refuse(size_t *answer_size, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Register `help`. @return 0 or -ENOMEM */
int control_register_help(struct pdp_control *ctl);

/* client.c */

/** Serve a connected socket. Takes fd; closes it on failure. @return 0 or -errno */
int client_add(struct pdp_control *ctl, int fd);

/** Close a connection and free it. */
void client_drop(struct client *client);

uint64_t control_now_ms(void);

#endif /* CONTROL_PRIV_H */
