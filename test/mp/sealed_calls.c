/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Says which system calls a sealed engine may make, as its filters are made from the same table:
 * lines of "| `name` | while the plugin is loaded | afterwards |", each with the number in front.
 */
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <confine.h>

static void number(char *line)
{
	char *name = strchr(line, '`'), *end = name != NULL ? strchr(name + 1, '`') : NULL;

	if (end == NULL)
		return;
	*end = '\0';
	printf("%d ", seccomp_syscall_resolve_name(name + 1));
	*end = '`';
	printf("%s\n", line);
}

int main(void)
{
	char *text, *save;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	confine_list(f);
	fclose(f);
	for (char *s = strtok_r(text, "\n", &save); s != NULL; s = strtok_r(NULL, "\n", &save))
		number(s);
	free(text);
	return 0;
}
