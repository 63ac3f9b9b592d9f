/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A main() for fuzz targets where libFuzzer is not: runs every stored input of a folder, then
 * deterministic mutations of them, the same in every run.
 *
 * usage: TARGET FOLDER [MUTATIONS]
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { MAX_INPUTS = 256, MAX_SIZE = 4096 };

struct input {
	uint8_t bytes[MAX_SIZE];
	size_t size;
};

static struct input inputs[MAX_INPUTS];
static unsigned int n_inputs;
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load(const char *folder, const char *name)
{
	struct input *in = &inputs[n_inputs];
	char path[1024];
	FILE *f;

	if (name[0] == '.')
		return 0;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (f == NULL || n_inputs == MAX_INPUTS) {
		fprintf(stderr, "replay: cannot read %s, or more than %d inputs\n", path,
			MAX_INPUTS);
		if (f != NULL)
			fclose(f);
		return -1;
	}
	in->size = fread(in->bytes, 1, MAX_SIZE, f);
	fclose(f);
	n_inputs++;
	return 0;
}

static int load_all(const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, NULL, by_name), ret = 0, i;

	if (n < 0) {
		perror(folder);
		return -1;
	}
	for (i = 0; i < n; i++) {
		if (ret == 0)
			ret = load(folder, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return ret;
}

static void insert_or_delete(struct input *in)
{
	size_t at = draw((uint32_t)in->size + 1), n = 1 + draw(16);

	if (draw(2) && in->size + n <= MAX_SIZE) {
		memmove(in->bytes + at + n, in->bytes + at, in->size - at);
		in->size += n;
	} else if (at + n <= in->size) {
		memmove(in->bytes + at, in->bytes + at + n, in->size - at - n);
		in->size -= n;
	}
}

static void mutate_once(struct input *in)
{
	static const uint8_t telling[] = {0,	0xff, 1,    0x7f, 0x80, 4,  6,	  8,	17, 20,
					  0x3f, 0x20, 0x40, 0x45, 0x60, 44, 0x81, 0x88, 60, 0x4f};
	const struct input *other = &inputs[draw(n_inputs)];
	size_t at = in->size == 0 ? 0 : draw((uint32_t)in->size);

	if (in->size == 0) {
		*in = *other;
		return;
	}
	switch (draw(7)) {
	case 0:
		in->bytes[at] ^= (uint8_t)(1u << draw(8));
		break;
	case 1:
		in->bytes[at] = (uint8_t)draw(256);
		break;
	case 2:
		in->bytes[at] = telling[draw(sizeof(telling))];
		break;
	case 3:
		in->bytes[at] = (uint8_t)(in->bytes[at] + draw(9) - 4);
		break;
	case 4:
		in->size = at; /* cut off */
		break;
	case 5:
		insert_or_delete(in);
		break;
	default: /* the rest of another input */
		if (at < other->size) {
			memcpy(in->bytes + at, other->bytes + at, other->size - at);
			in->size = other->size;
		}
		break;
	}
}

static void run(const struct input *in)
{
	uint8_t *copy = fuzz_copy(in->bytes, in->size);

	LLVMFuzzerTestOneInput(copy, in->size);
	free(copy);
}

int main(int argc, char **argv)
{
	unsigned long n_mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	static struct input in;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FOLDER [MUTATIONS]\n", argv[0]);
		return 2;
	}
	if (load_all(argv[1]) != 0)
		return 1;
	if (n_inputs == 0) {
		fprintf(stderr, "replay: no inputs in %s\n", argv[1]);
		return 1;
	}
	for (unsigned int i = 0; i < n_inputs; i++)
		run(&inputs[i]);
	for (unsigned long m = 0; m < n_mutations; m++) {
		in = inputs[draw(n_inputs)];
		for (uint32_t n = 1 + draw(6); n > 0; n--)
			mutate_once(&in);
		run(&in);
	}
	printf("%u inputs, %lu mutations\n", n_inputs, n_mutations);
	return 0;
}
