/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engines' socket against hostile engines: hellos, reports and any bytes, from processes that
 * the primary started and from others, in any order with what the primary does itself. join.c runs
 * as it is, over real sockets and the real event loop; birth and death of an engine, which it
 * calls, are played here, and check that they are called when they may be.
 *
 * The input is a list of operations: a byte (operation, connection or engine), then its arguments.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../lib/engine/engine_priv.h"
#include "fuzz.h"

enum { CONNECT, HELLO, RAW, REPORT, CLOSE, SPAWN, RUN, DIE, STOP, COMMAND, N_OPS };

#define N_CONNS	  4
#define N_ENGINES 3 /* that the primary starts; those by hand come after */
#define DIALS_MAX 16
#define RAW_MAX	  1024

int pdp_logtype;

static struct pdp_engines all;
static struct pdp_engines_vr vrs[] = {{.name = "red", .n_max = N_ENGINES},
				      {.name = "blue", .n_max = N_ENGINES, .sealed = true}};
static struct engine engines[RTE_DIM(vrs)][PDP_ENGINES_MAX];
static struct pdp_status status;
static struct rte_memzone zone = {.name = "zone", .len = 4096};
static int conns[N_CONNS];
static unsigned int n_logs, n_messages, n_dials;

/* What join.c calls of the rest of the room. */

int rte_log(uint32_t level, uint32_t type, const char *format, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, format);
	FUZZ_CHECK(vsnprintf(line, sizeof(line), format, ap) < (int)sizeof(line));
	va_end(ap);
	n_logs++;
	return 0;
}

struct engine *engine_make(struct pdp_engines *a, unsigned int vr, unsigned int index)
{
	struct engine *e = &engines[vr][index];

	FUZZ_CHECK(vr < RTE_DIM(vrs) && index < PDP_ENGINES_MAX);
	FUZZ_CHECK(a->by_vr[vr][index] == NULL || e->state == PDP_ENGINE_NONE);
	*e = (struct engine){.all = a, .vr = vr, .index = index, .pidfd = -1, .sock = -1};
	a->by_vr[vr][index] = e;
	return e;
}

int place_take(struct pdp_engines *a, unsigned int vr, int cpu, uint32_t *lcore, uint32_t *out)
{
	*lcore = 1;
	*out = 1;
	return cpu > 1 || cpu < -1 ? -EINVAL : 0;
}

void place_give(struct pdp_engines *a, uint32_t lcore)
{
}

void place_enter(struct engine *e, uint32_t cpu, uint32_t pct)
{
}

void place_leave(struct engine *e)
{
}

int region_make(struct engine *e, char *err, size_t size)
{
	e->zone = &zone;
	e->status = &status;
	return 0;
}

void region_free(struct engine *e)
{
	e->status = NULL;
}

int engine_watch_pid(struct engine *e)
{
	FUZZ_CHECK(e->pid == getpid());
	e->state = PDP_ENGINE_STARTING;
	return 0;
}

bool engine_sealed(const struct engine *e)
{
	return vrs[e->vr].sealed;
}

void sealed_mapped(struct engine *e)
{
	FUZZ_CHECK(engine_sealed(e) && e->state == PDP_ENGINE_JOINING);
	engine_command(e, PDP_CMD_SEALED);
}

/* What is sent here has no sender: test_sandbox has that. */
int box_met(struct engine *e, pid_t pid, uid_t uid)
{
	FUZZ_CHECK(engine_sealed(e) && e->state == PDP_ENGINE_STARTING);
	return 0;
}

int locks_may_start(const struct pdp_engines *all, unsigned int vr, char *err, size_t err_size)
{
	return 0;
}

void engine_ready(struct engine *e, uint32_t flags)
{
	FUZZ_CHECK(e->state == PDP_ENGINE_JOINING);
	e->state = PDP_ENGINE_RUNNING;
}

void engine_failed(struct engine *e, const char *why)
{
	/* One that has joined cannot fail to join. */
	FUZZ_CHECK(e->state == PDP_ENGINE_JOINING);
	FUZZ_CHECK(strnlen(why, sizeof(((struct pdp_engine_report *)0)->text)) <
		   sizeof(((struct pdp_engine_report *)0)->text));
	e->failed = true;
	n_logs++;
}

const char *pdp_engine_state_name(enum pdp_engine_state state)
{
	return "some";
}

void engine_stop(struct engine *e)
{
	/* Who was not started by hand leaves when the primary says so. */
	FUZZ_CHECK(e->by_hand);
	if (e->state == PDP_ENGINE_RUNNING)
		e->state = PDP_ENGINE_STOPPING;
}

void engine_kill(struct engine *e)
{
	FUZZ_CHECK(!e->by_hand && e->pid != 0);
}

void pdp_status_wake(struct pdp_status *s)
{
	FUZZ_CHECK(s == &status);
}

/* The game. */

static void set_up(void)
{
	static char dir[] = "/tmp/pdp-fuzz-join-XXXXXX";
	char err[256];

	FUZZ_CHECK(mkdtemp(dir) != NULL);
	all.p = (struct pdp_engines_params){
		.loop = pdp_loop_create(), .runtime_dir = dir, .vrs = vrs, .n_vrs = RTE_DIM(vrs)};
	all.notes.fd = -1;
	FUZZ_CHECK(all.p.loop != NULL && join_listen(&all, err, sizeof(err)) == 0);
	/* The listener is open, its name is not needed but to connect. */
	for (unsigned int i = 0; i < N_CONNS; i++)
		conns[i] = -1;
}

/* One connection is accepted in a turn. */
static void run(void)
{
	for (unsigned int i = 0; i < 4; i++)
		FUZZ_CHECK(pdp_loop_once(all.p.loop, 0) == 0);
}

static void hang_up(unsigned int i)
{
	if (conns[i] >= 0)
		close(conns[i]);
	conns[i] = -1;
}

static void dial(unsigned int i)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	hang_up(i);
	if (++n_dials > DIALS_MAX)
		return;
	conns[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(conns[i] >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", all.socket);
	if (connect(conns[i], (struct sockaddr *)&addr, sizeof(addr)) != 0)
		hang_up(i);
}

static void say(unsigned int i, const void *msg, size_t size)
{
	if (conns[i] >= 0 && send(conns[i], msg, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		n_messages++;
}

/* @return bytes used of the arguments */
static size_t hello(unsigned int i, const uint8_t *a, size_t n)
{
	struct pdp_engine_hello h = {.magic = PDP_ENGINE_MAGIC,
				     .proto = PDP_ENGINE_PROTO,
				     .layout = PDP_LAYOUT_VERSION,
				     .abi = PDP_VR_ABI_VERSION,
				     .cpu = -1};

	if (n < 2)
		return n;
	h.engine = a[0] % 8 == 7 ? PDP_ENGINE_INDEX_ANY : a[0] % 8;
	h.cpu = (int32_t)(a[0] / 8 % 4) - 1;
	snprintf(h.vr, sizeof(h.vr), "%s", a[1] % 4 < 2 ? vrs[a[1] % 2].name : "green");
	if (a[1] >= 128)
		memset(h.vr, 'r', sizeof(h.vr)); /* no end */
	h.proto += a[1] / 4 % 16 == 15;
	say(i, &h, sizeof(h));
	return 2;
}

static size_t report(unsigned int i, const uint8_t *a, size_t n)
{
	struct pdp_engine_report r = {.kind = n > 0 ? a[0] % 6 : 0, .flags = n > 1 ? a[1] : 0};

	memset(r.text, n > 1 && a[1] & 1 ? 'x' : 0, sizeof(r.text));
	say(i, &r, sizeof(r));
	return n < 2 ? n : 2;
}

static size_t raw(unsigned int i, const uint8_t *a, size_t n)
{
	size_t size = n > 1 ? (a[0] | (size_t)a[1] << 8) % RAW_MAX : 0, k = 0;
	uint8_t bytes[RAW_MAX];

	if (n < 2)
		return n;
	for (; k < size; k++)
		bytes[k] = 2 + k < n ? a[2 + k] : 0;
	say(i, bytes, size);
	return 2 + (size < n - 2 ? size : n - 2);
}

/* engine_start(), as far as the socket is concerned. */
static void spawn_one(unsigned int vr, unsigned int index)
{
	struct engine *e = all.by_vr[vr][index];

	if (e != NULL && e->state != PDP_ENGINE_NONE)
		return;
	e = engine_make(&all, vr, index);
	e->pid = getpid();
	region_make(e, NULL, 0);
	e->state = PDP_ENGINE_STARTING;
	if (engine_sealed(e)) {
		int pair[2];

		FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
				      pair) == 0);
		FUZZ_CHECK(join_expect(e, pair[0]) == 0);
		hang_up(index);
		conns[index] = pair[1];
	}
}

/* give_back() */
static void die(struct engine *e)
{
	if (e == NULL || e->pid == 0)
		return;
	pdp_watch_remove(e->sock_watch);
	e->sock_watch = NULL;
	if (e->sock >= 0)
		close(e->sock);
	e->sock = -1;
	e->pid = 0;
	e->status = NULL;
	e->state = PDP_ENGINE_NONE;
}

static void each(void (*fn)(struct engine *e))
{
	for (unsigned int v = 0; v < RTE_DIM(vrs); v++) {
		for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
			if (all.by_vr[v][i] != NULL)
				fn(all.by_vr[v][i]);
		}
	}
}

static void check(struct engine *e)
{
	FUZZ_CHECK((e->sock >= 0) == (e->sock_watch != NULL));
	/* Who has joined, or is about to, has said a hello that was right. */
	FUZZ_CHECK(e->sock < 0 ||
		   (e->pid == getpid() && (e->state >= PDP_ENGINE_JOINING || engine_sealed(e))));
	FUZZ_CHECK(!engine_sealed(e) || !e->by_hand);
	FUZZ_CHECK(e->by_hand == (e->index >= N_ENGINES) || e->pid == 0);
}

static size_t play(const uint8_t *data, size_t size)
{
	const unsigned int op = data[0] % N_OPS, who = data[0] / N_OPS % N_CONNS;
	struct engine *e = all.by_vr[who % RTE_DIM(vrs)][who % N_ENGINES];

	data++;
	size--;
	if (op == CONNECT)
		dial(who);
	else if (op == HELLO)
		return 1 + hello(who, data, size);
	else if (op == RAW)
		return 1 + raw(who, data, size);
	else if (op == REPORT)
		return 1 + report(who, data, size);
	else if (op == CLOSE)
		hang_up(who);
	else if (op == SPAWN)
		spawn_one(who % RTE_DIM(vrs), who % N_ENGINES);
	else if (op == DIE)
		die(e);
	else if (op == STOP)
		all.stopping = true;
	else if (op == COMMAND && e != NULL)
		engine_command(e, PDP_CMD_STOP);
	else
		run();
	return 1;
}

static int lowest_fd(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD, 0);

	FUZZ_CHECK(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int first;

	if (all.p.loop == NULL)
		set_up();
	first = lowest_fd();
	n_logs = n_messages = n_dials = 0;
	for (size_t i = 0; i < size;) {
		i += play(data + i, size - i);
		each(check);
	}
	run();
	each(check);
	/* A message costs two lines of log at most, whatever it says. */
	FUZZ_CHECK(n_logs <= 2 * n_messages + size);
	for (unsigned int i = 0; i < N_CONNS; i++)
		hang_up(i);
	for (unsigned int i = 0; i < DIALS_MAX; i++)
		run();
	each(die);
	FUZZ_CHECK(lowest_fd() == first);
	memset(all.by_vr, 0, sizeof(all.by_vr));
	all.stopping = false;
	return 0;
}
