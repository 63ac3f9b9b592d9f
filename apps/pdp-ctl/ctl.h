/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside pdp-ctl: from words to a request, the way to the node and back, and showing what it
 * answers.
 */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

/** What pdp-ctl ends with. */
enum ctl_exit {
	CTL_OK = 0,
	CTL_REFUSED = 1, /**< the node refused; its sentence is on stderr */
	CTL_USAGE = 2,	 /**< the command line is wrong */
	CTL_NO_NODE = 3, /**< no node runs there, or it does not answer */
};

/* request.c */

/**
 * Make a request of the words of a command line: words up to the first KEY=VALUE are the command,
 * unless they are positional arguments of a command known here ("vr show red").
 * @param words  n of them
 * @param err    out: a sentence, on failure
 * @return the request. Owner: caller. NULL: the words make none
 */
json_t *ctl_request(char *const *words, int n, char *err, size_t err_size);

/* connection.c */

struct ctl_connection {
	const char *path;
	FILE *stream; /**< to read from; the descriptor is for writing too */
};

/** Connect to a control socket. @return CTL_OK, or CTL_NO_NODE with err filled */
int ctl_connect(struct ctl_connection *c, const char *path, char *err, size_t err_size);

/**
 * Ask and wait for the answer.
 * @param result  out: the answer's "result". Owner: caller
 * @return CTL_OK, or CTL_REFUSED or CTL_NO_NODE with err filled
 */
int ctl_ask(struct ctl_connection *c, const json_t *request, json_t **result, char *err,
	    size_t err_size);

void ctl_disconnect(struct ctl_connection *c);

/* show.c */

/** Print a result for people, by its shape (pdp_control.h). */
void ctl_show(FILE *out, const json_t *result);

/* metrics.c */

/**
 * Print a node's counters in the text format of OpenMetrics 1.0.
 * @param stats    result of "stats"
 * @param engines  result of "engine list"
 */
void ctl_metrics(FILE *out, const json_t *stats, const json_t *engines);

/* table.c */

/** Whether a value is a table. */
bool ctl_is_table(const json_t *value);

/** Print a table with aligned columns, each line behind `indent` spaces. */
void ctl_show_table(FILE *out, const json_t *table, int indent);

/**
 * A value in one line. Owner: caller, free(). Control characters become '?'.
 * @return "-" for null and what is empty; of lists and objects the elements with ", " between,
 *         those of objects with their names; NULL: out of memory
 * names; NULL: out of memory
 */
char *ctl_text(const json_t *value);

/** Columns that a text takes on a terminal, a character each. */
size_t ctl_width(const char *text);

#endif /* CTL_H */
