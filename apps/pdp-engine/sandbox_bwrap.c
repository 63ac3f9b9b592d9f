/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of bubblewrap: every namespace of its own, an empty root that nobody can write,
 * and in it the program, the plugin, the libraries that these name, and the loader. What they need
 * is read from the files (pdp_elf.h): the dynamic loader's own tracing may be made to run code.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pdp_elf.h>

#include "sandbox_priv.h"

#define ARGS_MAX      512
#define LIBRARIES_MAX 96 /* of program and plugin together */

struct libraries {
	unsigned int n;
	struct {
		char name[NAME_MAX + 1];
		char path[PATH_MAX];
	} found[LIBRARIES_MAX];
};

static const char *args[ARGS_MAX];
static unsigned int n_args;

static void add(const char *word)
{
	if (n_args == ARGS_MAX - 1)
		die("too many files for one engine");
	args[n_args++] = word;
}

static void add_all(const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(words[i]);
}

static char *join(const char *a, const char *b)
{
	char *out;

	if (asprintf(&out, "%s/%s", a, b) < 0)
		die("out of memory");
	return out;
}

static void add_file(const char *from, const char *to)
{
	add("--ro-bind");
	add(from);
	add(to);
}

/* Where this machine has its libraries: where this program's own libc is. */
static const char *library_folder(void)
{
	static char folder[PATH_MAX];
	Dl_info info;
	char *slash;

	if (folder[0] != '\0')
		return folder;
	if (dladdr((void *)(uintptr_t)getpid, &info) == 0 || info.dli_fname == NULL)
		return "/usr/lib";
	snprintf(folder, sizeof(folder), "%s", info.dli_fname);
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
	return folder;
}

static bool try_folder(const char *folder, size_t len, const char *name, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%.*s/%s", (int)len, folder, name) < PATH_MAX &&
	       access(out, R_OK) == 0;
}

/* Absolute folders only: what stands beside the plugin ($ORIGIN) is not part of what the node was
 * told to show the engine. */
static bool in_runpath(const char *runpath, const char *name, char out[PATH_MAX])
{
	for (const char *p = runpath; p != NULL && *p != '\0';) {
		size_t len = strcspn(p, ":");

		if (*p == '/' && len < PATH_MAX && try_folder(p, len, name, out))
			return true;
		p += len + (p[len] == ':');
	}
	return false;
}

static bool find_library(const struct pdp_elf *elf, const char *name, char out[PATH_MAX])
{
	const char *const folders[] = {library_folder(), "/usr/local/lib", "/usr/lib",
				       "/lib",		 "/usr/lib64",	   "/lib64"};

	if (in_runpath(pdp_elf_runpath(elf), name, out))
		return true;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (try_folder(folders[i], strlen(folders[i]), name, out))
			return true;
	}
	return false;
}

static bool known(const struct libraries *l, const char *name)
{
	for (unsigned int i = 0; i < l->n; i++) {
		if (strcmp(l->found[i].name, name) == 0)
			return true;
	}
	return false;
}

/* The libraries that a file names. */
static void collect_of(struct libraries *l, const char *path, const char *called)
{
	struct pdp_elf elf;
	const char *name;
	char why[128];

	if (pdp_elf_open(&elf, path, why, sizeof(why)) != 0)
		die("%s: %s%s", called, why,
		    access(path, R_OK) != 0 ? "; every user must be allowed to read it (chmod o+r)"
					    : "");
	for (unsigned int i = 0; (name = pdp_elf_needed(&elf, i)) != NULL; i++) {
		if (known(l, name))
			continue;
		if (l->n == LIBRARIES_MAX || strlen(name) > NAME_MAX || strchr(name, '/') != NULL)
			die("%s needs too many libraries, or %.64s, which is no name of one",
			    called, name);
		if (!find_library(&elf, name, l->found[l->n].path))
			die("%s needs the library %s, which is not in the folders of this machine; "
			    "install it, or link the plugin with an absolute -rpath",
			    called, name);
		snprintf(l->found[l->n++].name, sizeof(l->found[0].name), "%s", name);
	}
	pdp_elf_close(&elf);
}

static void add_libraries(const struct staged *s)
{
	static struct libraries all;

	collect_of(&all, s->program, s->program_from);
	if (s->plugin[0] != '\0')
		collect_of(&all, s->plugin, s->plugin_from);
	/* The list grows meanwhile: libraries of libraries. */
	for (unsigned int i = 0; i < all.n; i++)
		collect_of(&all, all.found[i].path, all.found[i].path);
	for (unsigned int i = 0; i < all.n; i++)
		add_file(all.found[i].path, join(SANDBOX_LIBRARIES, all.found[i].name));
}

static void add_loader(const char *program)
{
	struct pdp_elf elf;
	const char *interp;
	char why[128], *copy;

	if (pdp_elf_open(&elf, program, why, sizeof(why)) != 0)
		die("%s: %s", program, why);
	interp = pdp_elf_interp(&elf);
	copy = interp != NULL ? strdup(interp) : NULL;
	pdp_elf_close(&elf);
	if (copy != NULL)
		add_file(copy, copy);
}

void run_bubblewrap(const struct staged *s, char *const *program_args)
{
	static const char *const begin[] = {
		"bwrap",
		"--unshare-user",
		"--unshare-pid",
		"--unshare-net",
		"--unshare-ipc",
		"--unshare-uts",
		"--unshare-cgroup",
		"--die-with-parent",
		"--new-session",
		"--cap-drop",
		"ALL",
		"--hostname",
		"sealed",
		"--clearenv",
		"--setenv",
		"LD_LIBRARY_PATH",
		SANDBOX_LIBRARIES,
	};
	static const char *const end[] = {"--remount-ro", "/", "--chdir", "/", "--"};
	static char *const environment[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", NULL};
	const char *name = strrchr(s->plugin, '/');

	if (access(s->program, X_OK) != 0)
		die("%s: every user must be allowed to run it (chmod o+rx)", s->program_from);
	add_all(begin, sizeof(begin) / sizeof(begin[0]));
	add_file(s->program, SANDBOX_PROGRAM);
	if (name != NULL)
		add_file(s->plugin, join(SANDBOX_PLUGINS, name + 1));
	add_loader(s->program);
	add_libraries(s);
	add_all(end, sizeof(end) / sizeof(end[0]));
	add(SANDBOX_PROGRAM);
	for (; *program_args != NULL; program_args++)
		add(*program_args);
	args[n_args] = NULL;
	execvpe("bwrap", (char *const *)(uintptr_t)args, environment);
	die("bubblewrap cannot be started (%s); install the package bubblewrap", strerror(errno));
}
