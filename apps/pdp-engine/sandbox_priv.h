/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of pdp-engine-sandbox. One thread; every failure ends the process with a sentence.
 */
#ifndef SANDBOX_PRIV_H
#define SANDBOX_PRIV_H

#include <limits.h>

#define SANDBOX_ENGINES_MAX 64	      /* engines of one VR, which share its user */
#define SANDBOX_PROGRAM	    "/engine" /* where things are inside */
#define SANDBOX_PLUGINS	    "/vr"     /* folder of the plugin, which keeps its name */
#define SANDBOX_LIBRARIES   "/lib"

/* The engine's program and its plugin. */
struct staged {
	char program[PATH_MAX];	  /* bound where any user can reach them */
	char plugin[PATH_MAX];	  /* "": none */
	const char *program_from; /* where they are outside, for messages and $ORIGIN */
	const char *plugin_from;
};

/* sandbox_main.c */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* sandbox_stage.c: as root. Folders on the way to the two files may be closed to the VR's user (a
 * home is, in Debian), so they are bound into a folder which is not, in a mount namespace that only
 * this process has. */
void stage(struct staged *s, const char *program, const char *plugin);

/* sandbox_bwrap.c: as the VR's user */
void run_bubblewrap(const struct staged *s, char *const *args) __attribute__((noreturn));

#endif /* SANDBOX_PRIV_H */
