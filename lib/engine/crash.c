/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An engine's last words: what its crash handler left in the status page, as text. All of it was
 * written by the engine, so it is read once, cut and cleaned, and no address is followed. Pure.
 */
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine_priv.h"

static void append(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *out, size_t size, const char *format, ...)
{
	const size_t used = strlen(out);
	va_list ap;

	va_start(ap, format);
	vsnprintf(out + used, size - used, format, ap);
	va_end(ap);
}

static void clean_name(const struct pdp_crash_module *m, char *name)
{
	size_t i = 0;

	for (; i < sizeof(m->name) - 1 && m->name[i] != '\0'; i++)
		name[i] = isgraph((unsigned char)m->name[i]) ? m->name[i] : '?';
	name[i] = '\0';
}

/* "pdp_vr_ip.so+0x1234", what addr2line takes; or the address alone. */
static void place(const struct pdp_status *s, uint64_t address, bool returned, char *out,
		  size_t size)
{
	const uint32_t n = RTE_MIN(__atomic_load_n(&s->n_modules, __ATOMIC_ACQUIRE),
				   (uint32_t)PDP_CRASH_MODULES);
	/* A return address is behind the call. */
	const uint64_t at = address - returned;

	for (uint32_t i = 0; i < n; i++) {
		const struct pdp_crash_module *m = &s->modules[i];
		char name[PDP_CRASH_NAME_MAX];

		if (at < m->start || at >= m->end)
			continue;
		clean_name(m, name);
		append(out, size, "%s+0x%" PRIx64, name, at - m->base);
		return;
	}
	append(out, size, "0x%" PRIx64, address);
}

void crash_backtrace(const struct pdp_status *s, char *out, size_t size)
{
	const uint32_t n = RTE_MIN(__atomic_load_n(&s->crash.n_frames, __ATOMIC_ACQUIRE),
				   (uint32_t)PDP_CRASH_FRAMES);

	out[0] = '\0';
	for (uint32_t i = 0; i < n; i++) {
		append(out, size, "%s", i != 0 ? " < " : "");
		place(s, s->crash.frames[i], i != 0, out, size);
	}
}

static bool has_address(uint32_t signal, int32_t code)
{
	return code > 0 && (signal == SIGSEGV || signal == SIGBUS);
}

void crash_tell(const struct pdp_status *s, char *out, size_t size)
{
	const uint32_t signal = __atomic_load_n(&s->crash.signal, __ATOMIC_ACQUIRE);
	const int32_t code = s->crash.code;

	out[0] = '\0';
	if (signal == 0)
		return;
	if (has_address(signal, code))
		append(out, size, " at address 0x%" PRIx64, s->crash.address);
	else if (code <= 0 && !s->crash.own)
		append(out, size, " sent by process %" PRIu64, s->crash.address);
	if (__atomic_load_n(&s->crash.n_frames, __ATOMIC_ACQUIRE) == 0)
		return;
	append(out, size, " in ");
	crash_backtrace(s, out + strlen(out), size - strlen(out));
}
