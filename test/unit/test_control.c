/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket with real clients: the server's loop runs in a thread, the test is the client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pdp_control.h>

#include "control_priv.h"

#define ANSWER_MAX (4u << 20)

struct fixture {
	char folder[64];
	char path[96];
	struct pdp_loop *loop;
	struct pdp_control *ctl;
	pthread_t thread;
	_Atomic unsigned int n_counted;
};

static int run_echo(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	*result = json_deep_copy(args);
	return 0;
}

static int run_nothing(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	return 0;
}

static int run_count(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	struct fixture *f = arg;

	atomic_fetch_add(&f->n_counted, 1);
	return 0;
}

static int run_fail(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const char *say = json_string_value(json_object_get(args, "say"));

	*result = json_object(); /* a failing command may leave one behind */
	if (say != NULL)
		snprintf(err, err_size, "%s", say);
	else if (json_object_get(args, "bytes") != NULL)
		snprintf(err, err_size, "bad \xff byte");
	return -ENOENT;
}

static int run_big(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const size_t size = (size_t)json_integer_value(json_object_get(args, "size"));
	char *text = malloc(size + 1);

	if (text == NULL)
		return -ENOMEM;
	memset(text, 'x', size);
	*result = json_pack("{ss#}", "text", text, size);
	free(text);
	return 0;
}

static int run_no_text(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	*result = json_string_nocheck("\xff");
	return 0;
}

static void *run_loop(void *arg)
{
	struct fixture *f = arg;

	return (void *)(intptr_t)pdp_loop_run(f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_control.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/pdp.sock", f->folder);
	f->loop = pdp_loop_create();
	assert_non_null(f->loop);
	f->ctl = pdp_control_create(f->loop, f->path);
	assert_non_null(f->ctl);
	assert_int_equal(pdp_control_register(f->ctl, "echo", "give back", run_echo, f), 0);
	assert_int_equal(pdp_control_register(f->ctl, "do nothing", "nothing", run_nothing, f), 0);
	assert_int_equal(pdp_control_register(f->ctl, "count", "count", run_count, f), 0);
	assert_int_equal(pdp_control_register(f->ctl, "fail", "fail", run_fail, f), 0);
	assert_int_equal(pdp_control_register(f->ctl, "big", "much", run_big, f), 0);
	assert_int_equal(pdp_control_register(f->ctl, "no text", "no text", run_no_text, f), 0);
	assert_int_equal(pdp_control_register(f->ctl, "echo", "again", run_echo, f), -EEXIST);
	f->ctl->stall_ms = 2000; /* a loaded machine keeps a reader off its CPU for a second */
	assert_int_equal(pthread_create(&f->thread, NULL, run_loop, f), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *rc;

	pdp_loop_stop(f->loop);
	pthread_join(f->thread, &rc);
	assert_null(rc);
	pdp_control_destroy(f->ctl);
	pdp_loop_destroy(f->loop);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	memcpy(addr.sun_path, path, strlen(path));
	return addr;
}

static int try_connect(const char *path)
{
	const struct sockaddr_un addr = address(path);
	const struct timeval patience = {.tv_sec = 20};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int client(const struct fixture *f)
{
	int fd = try_connect(f->path);

	assert_true(fd >= 0);
	return fd;
}

static void put(int fd, const char *text, size_t size)
{
	assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), size);
}

/* JSON with ' for ". */
static void ask(int fd, const char *text)
{
	char json[1024];
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		json[n] = (char)(text[n] == '\'' ? '"' : text[n]);
	put(fd, json, n);
}

/* One line, its quotes written as '. "": the end. */
static const char *answer(int fd)
{
	static char line[ANSWER_MAX];
	char *end = NULL;
	size_t n = 0;

	while (end == NULL && n + 1 < sizeof(line)) {
		ssize_t got = recv(fd, line + n, sizeof(line) - 1 - n, MSG_PEEK);

		if (got <= 0)
			break;
		end = memchr(line + n, '\n', (size_t)got);
		if (end != NULL)
			got = end + 1 - (line + n);
		got = recv(fd, line + n, (size_t)got, 0);
		assert_true(got > 0);
		n += (size_t)got;
	}
	if (end != NULL)
		n--;
	line[n] = '\0';
	for (char *c = line; (c = strchr(c, '"')) != NULL; c++)
		*c = '\'';
	return line;
}

static void expect(int fd, const char *want)
{
	assert_string_equal(answer(fd), want);
}

static bool at_end(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) <= 0;
}

#define NOTHING "{'ok':true,'result':{}}"

static void test_answers(void **state)
{
	int fd = client(*state);

	ask(fd, "{'cmd': 'echo', 'args': {'vr': 'red', 'n': [1, null]}}\n");
	expect(fd, "{'ok':true,'result':{'vr':'red','n':[1,null]}}");
	ask(fd, "{'cmd': 'do nothing'}\n");
	expect(fd, NOTHING);
	ask(fd, "\n\r\n{'cmd': 'do nothing'}\r\n");
	expect(fd, NOTHING);
	ask(fd, "{'cmd': 'fail', 'args': {'say': 'no VR is called \\u00e4'}}\n");
	expect(fd, "{'ok':false,'error':'no VR is called \xc3\xa4'}");
	ask(fd, "{'cmd': 'fail'}\n");
	expect(fd, "{'ok':false,'error':'No such file or directory'}");
	ask(fd, "{'cmd': 'fail', 'args': {'bytes': 1}}\n");
	expect(fd, "{'ok':false,'error':'bad ? byte'}");
	ask(fd, "{'cmd': 'no text'}\n");
	expect(fd,
	       "{'ok':false,'error':'the answer to \\'no text\\' is too long or no valid text; ask "
	       "for less'}");
	ask(fd, "{'cmd': 'help'}\n");
	expect(fd, "{'ok':true,'result':{'columns':['command','does'],'rows':[['help','list the "
		   "commands of this node'],['echo','give back'],['do nothing','nothing'],['count',"
		   "'count'],['fail','fail'],['big','much'],['no text','no text']]}}");
	close(fd);
}

static void test_wrong_requests(void **state)
{
	static const char shape[] =
		"; write {\\'cmd\\': \\'vr show\\', \\'args\\': {\\'vr\\': \\'red\\'}}'}";
	static const struct {
		const char *request, *fault;
	} wrong[] = {
		{"[]\n", "\\'cmd\\' must be there and a string"},
		{"{}\n", "\\'cmd\\' must be there and a string"},
		{"{'cmd': 5}\n", "\\'cmd\\' must be there and a string"},
		{"{'cmd': 'echo', 'args': []}\n", "\\'args\\' must be an object"},
		{"{'cmd': 'echo', 'id': 1}\n", "it has keys besides \\'cmd\\' and \\'args\\'"},
	};
	int fd = client(*state);
	char want[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ask(fd, wrong[i].request);
		snprintf(want, sizeof(want), "{'ok':false,'error':'the request is wrong: %s%s",
			 wrong[i].fault, shape);
		expect(fd, want);
	}
	ask(fd, "hello\n");
	expect(fd,
	       "{'ok':false,'error':'the request is not JSON: '[' or '{' expected near 'hello'; "
	       "write {\\'cmd\\': \\'help\\'}'}");
	ask(fd, "{'cmd': 'echo', 'cmd': 'echo'}\n");
	expect(fd, "{'ok':false,'error':'the request is not JSON: duplicate object key near "
		   "'\\'cmd\\''; write {\\'cmd\\': \\'help\\'}'}");
	ask(fd, "{'cmd': 'ech'}\n");
	expect(fd, "{'ok':false,'error':'no command \\'ech\\'; there are: help, echo, do nothing, "
		   "count, fail, big, no text'}");
	/* Zero bytes, bytes that are no text, and brackets without end. */
	put(fd, "\0\xff\n", 3);
	assert_memory_equal(answer(fd), "{'ok':false,'error':'the request is not JSON: ", 45);
	for (unsigned int i = 0; i < 3000; i++)
		put(fd, "[", 1);
	put(fd, "\n", 1);
	assert_memory_equal(answer(fd), "{'ok':false,'error':'the request is not JSON: maximum",
			    52);
	ask(fd, "{'cmd': 'do nothing'}\n");
	expect(fd, NOTHING);
	close(fd);
}

static void test_partial_lines(void **state)
{
	static const char request[] = "{\"cmd\": \"echo\", \"args\": {\"x\": 1}}\n";
	int fd = client(*state);

	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		put(fd, request + i, 1);
		if (i % 8 == 0)
			usleep(2000); /* so that the server reads parts: what is sent in one go is
					 one read */
	}
	expect(fd, "{'ok':true,'result':{'x':1}}");
	/* Many in one write. */
	ask(fd,
	    "{'cmd': 'echo', 'args': {'x': 1}}\n{'cmd': 'x'}\n\n{'cmd': 'do nothing'}\n{'cmd': ");
	expect(fd, "{'ok':true,'result':{'x':1}}");
	assert_memory_equal(answer(fd), "{'ok':false", 11);
	expect(fd, NOTHING);
	/* The last one need not end, if the client says that it is the last. */
	ask(fd, "'do nothing'}");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	expect(fd, NOTHING);
	assert_true(at_end(fd));
	close(fd);
	/* Half a request and gone. */
	fd = client(*state);
	ask(fd, "{'cmd': ");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_memory_equal(answer(fd), "{'ok':false", 11);
	assert_true(at_end(fd));
	close(fd);
}

static void test_send_and_leave(void **state)
{
	struct fixture *f = *state;
	int fd = client(f);

	ask(fd, "{'cmd': 'count'}\n{'cmd': 'count'}\n");
	close(fd);
	for (unsigned int i = 0; i < 5000 && atomic_load(&f->n_counted) == 0; i++)
		usleep(1000);
	assert_true(atomic_load(&f->n_counted) > 0);
}

static void put_long(int fd, size_t size)
{
	char *text = malloc(size);

	assert_non_null(text);
	memset(text, ' ', size);
	memcpy(text, "{\"cmd\":\"count\"}", 15);
	text[size - 1] = '\n';
	put(fd, text, size);
	free(text);
}

static void test_long_lines(void **state)
{
	static const char refused[] =
		"{'ok':false,'error':'the request is longer than 65536 bytes; split it'}";
	struct fixture *f = *state;
	int fd = client(f);

	put_long(fd, CONTROL_LINE_MAX + 1); /* with its newline */
	expect(fd, NOTHING);
	put_long(fd, CONTROL_LINE_MAX + 2);
	expect(fd, refused);
	put_long(fd, 3u << 20);
	expect(fd, refused);
	assert_int_equal(atomic_load(&f->n_counted), 1);
	ask(fd, "{'cmd': 'do nothing'}\n");
	expect(fd, NOTHING);
	close(fd);
}

static void test_many_clients(void **state)
{
	int fds[CONTROL_CLIENTS_MAX], fd, i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = client(*state);
		ask(fds[i], "{'cmd': 'do nothing'}\n");
	}
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		expect(fds[i], NOTHING);
	fd = client(*state);
	expect(fd, "{'ok':false,'error':'32 clients are connected already; end one of them'}");
	assert_true(at_end(fd));
	close(fd);
	close(fds[7]);
	/* The server sees the close at some time: until then it turns away. */
	for (i = 0; i < 5000; i++) {
		fd = client(*state);
		ask(fd, "{'cmd': 'do nothing'}\n");
		if (strcmp(answer(fd), NOTHING) == 0)
			break;
		close(fd);
		usleep(1000);
	}
	assert_true(i < 5000);
	fds[7] = fd;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* One client asks for much and reads nothing: others are served, and it is dropped. */
static void test_slow_reader(void **state)
{
	int slow = client(*state), other = client(*state);
	struct pollfd poll_slow = {.fd = slow};

	for (unsigned int i = 0; i < 50; i++)
		ask(slow, "{'cmd': 'big', 'args': {'size': 1000000}}\n");
	for (unsigned int i = 0; i < 20; i++) {
		ask(other, "{'cmd': 'do nothing'}\n");
		expect(other, NOTHING);
	}
	assert_int_equal(poll(&poll_slow, 1, 20000), 1);
	assert_true(poll_slow.revents & POLLHUP);
	close(slow);
	ask(other, "{'cmd': 'do nothing'}\n");
	expect(other, NOTHING);
	close(other);
}

/* One that reads late, but reads, gets all of its answers in order, and is not dropped. */
static void test_late_reader(void **state)
{
	int fd = client(*state);

	for (unsigned int i = 0; i < 20; i++)
		ask(fd, "{'cmd': 'big', 'args': {'size': 400000}}\n{'cmd': 'echo', 'args': {'x': "
			"5}}\n");
	usleep(100000); /* the socket's buffer is full now, and the server waits */
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(strlen(answer(fd)),
				 400000 + strlen("{'ok':true,'result':{'text':''}}"));
		expect(fd, "{'ok':true,'result':{'x':5}}");
	}
	close(fd);
}

static void test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = address(f->path);
	struct rlimit limit, few;
	int fd = client(*state), waiting;

	ask(fd, "{'cmd': 'do nothing'}\n");
	expect(fd, NOTHING);
	waiting = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(connect(waiting, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ask(waiting, "{'cmd': 'do nothing'}\n");
	/* The one that is connected goes on. */
	ask(fd, "{'cmd': 'do nothing'}\n");
	expect(fd, NOTHING);
	usleep(50000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect(waiting, NOTHING);
	close(waiting);
	close(fd);
}

static void test_permissions(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int status;
	pid_t pid;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	if (geteuid() != 0) {
		print_message("[   NOTE   ] not root: the check of the peer's uid was not tried\n");
		return;
	}
	/* Even with the file's mode spoilt another user is refused. */
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_int_equal(chmod(f->folder, 0711), 0);
	pid = fork();
	if (pid == 0) {
		int fd;

		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(1);
		fd = try_connect(f->path);
		if (fd < 0)
			_exit(2);
		if (strcmp(answer(fd), "{'ok':false,'error':'only the node's own user and root may "
				       "control it'}") != 0)
			_exit(3);
		_exit(at_end(fd) ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_places(void **state)
{
	struct fixture *f = *state;
	struct pdp_loop *loop = pdp_loop_create();
	struct pdp_control *ctl;
	struct sockaddr_un addr;
	char path[100], deep[256];
	int fd;

	/* Somebody listens. */
	assert_null(pdp_control_create(loop, f->path));
	assert_int_equal(errno, EADDRINUSE);
	fd = client(f);
	close(fd);
	/* Too long, no such folder. */
	memset(deep, 'x', sizeof(deep));
	deep[0] = '/';
	deep[108] = '\0';
	assert_null(pdp_control_create(loop, deep));
	assert_int_equal(errno, ENAMETOOLONG);
	snprintf(path, sizeof(path), "%s/none/pdp.sock", f->folder);
	assert_null(pdp_control_create(loop, path));
	assert_int_equal(errno, ENOENT);
	/* A file of somebody's. */
	snprintf(path, sizeof(path), "%s/file", f->folder);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_null(pdp_control_create(loop, path));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	/* Left behind by one that was killed. */
	snprintf(path, sizeof(path), "%s/stale", f->folder);
	addr = address(path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	ctl = pdp_control_create(loop, path);
	assert_non_null(ctl);
	fd = try_connect(path);
	assert_true(fd >= 0);
	assert_int_equal(pdp_loop_once(loop, 1000), 0);
	pdp_control_destroy(ctl);
	/* The client sees the end, and the file is gone. */
	assert_true(at_end(fd));
	close(fd);
	assert_int_equal(access(path, F_OK), -1);
	pdp_control_destroy(NULL);
	pdp_loop_destroy(loop);
}

static void test_path_rule(void **state)
{
	char path[128], small[16];

	unsetenv("RUNTIME_DIRECTORY");
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	assert_int_equal(pdp_control_path(path, sizeof(path), NULL), 0);
	assert_string_equal(path, getuid() == 0 ? "/var/run/dpdk/rte/pdp.sock"
						: "/run/user/7/dpdk/rte/pdp.sock");
	setenv("RUNTIME_DIRECTORY", "/run/lab", 1);
	assert_int_equal(pdp_control_path(path, sizeof(path), "lab"), 0);
	assert_string_equal(path, "/run/lab/dpdk/lab/pdp.sock");
	unsetenv("RUNTIME_DIRECTORY");
	assert_int_equal(pdp_control_path(path, sizeof(path), ""), -EINVAL);
	assert_int_equal(pdp_control_path(path, sizeof(path), "../x"), -EINVAL);
	assert_int_equal(pdp_control_path(small, sizeof(small), "lab"), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_partial_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_and_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permissions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test(test_path_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
