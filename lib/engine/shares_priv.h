/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of CPU shares have in common: groups are folders, and settings are files in them.
 */
#ifndef SHARES_PRIV_H
#define SHARES_PRIV_H

#include <limits.h>

#include "shares.h"

/** A group: a folder below an open one; "." is the open one itself. */
struct shares_dir {
	int at;
	const char *name;
};

/** One version of control groups. */
struct shares_ops {
	const char *name;      /**< "cgroup v1" */
	const char *fs;	       /**< type of the file system */
	const char *members;   /**< file of a group with its processes or threads, readable */
	const char *hierarchy; /**< in the primary's list of groups: a controller, or "" */
	/** Whether the mount options tell of this hierarchy; NULL: any does. */
	bool (*options_match)(const char *options);
	/** The node's group goes elsewhere than into the primary's own; NULL: it does not.
	 * @param own  in, out @return 0, or -errno with why filled */
	int (*place)(char own[PATH_MAX], char *why, size_t why_size);
	/** Make `cpu` work in groups below the primary's; NULL: it does. @return 0, or -errno with
	 * why filled */
	int (*prepare)(struct shares *s, char *why, size_t why_size);
	/** Undo prepare(); NULL: nothing to undo. */
	void (*undo)(struct shares *s);
	/** The node's group, or one below it, was just made; NULL: as it should be. @return 0 or
	 * -errno */
	int (*made_node)(struct shares_dir node);
	int (*made)(struct shares_dir group);
	int (*weight)(struct shares_dir group, unsigned int weight);
	int (*quota)(struct shares_dir group, unsigned int quota_us, unsigned int period_us);
};

extern const struct shares_ops shares_v1;
extern const struct shares_ops shares_v2;

struct shares {
	const struct shares_ops *ops;
	char own_path[PATH_MAX]; /**< the primary's group, where it was when it started */
	char name[64];		 /**< of the node's group, below it */
	char where[PATH_MAX + 96];
	int own;	     /**< the two folders */
	int node;	     /**< -1: not made */
	unsigned int n_cpus; /**< as weighed last */
	bool enabled;	     /**< prepare() changed the primary's group */
};

/* shares.c */

/** shares_open() in one kind of tree, with half a sentence where it fails. */
struct shares *shares_open_in(const struct shares_ops *ops, const char *proc, const char *name,
			      unsigned int n_cpus, char *why, size_t why_size);

/* shares_file.c */

/** Write a file of a group in one piece. @return 0 or -errno */
int shares_write(struct shares_dir group, const char *file, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** Read a file of a group, cut off where it does not fit. @return 0 or -errno */
int shares_read(struct shares_dir group, const char *file, char *out, size_t size);

/** Whether a word is among those of a list. */
bool shares_has_word(const char *list, const char *separators, const char *word);

/* shares_find.c */

/**
 * Find the primary's own group in a hierarchy.
 * @param own  out: its folder
 * @param why  out, on failure: half a sentence
 * @return 0, -ENOENT (not mounted), or -errno
 */
int shares_find(const struct shares_ops *ops, const char *proc, char own[PATH_MAX], char *why,
		size_t why_size);

#endif /* SHARES_PRIV_H */
