#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bounds.h"
#include "ipc_channel.h"
#include "ipc_model.h"
#include "rnd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TYPE = 0x1234 };

static void write_everything(struct buf *m)
{
	id16 id = {{1, 2, 3}};
	ipc_begin(m, TYPE);
	ipc_put_u8(m, 200);
	ipc_put_bool(m, true);
	ipc_put_u32(m, 0xdeadbeef);
	ipc_put_i64(m, INT64_MIN);
	ipc_put_id(m, id);
	ipc_put_bytes(m, "a\0b", 3);
	ipc_put_text(m, "Sở Y tế");
	ipc_put_text(m, NULL);
}

static int read_everything(const void *p, size_t n)
{
	struct ipc_reader r;
	uint16_t type;
	size_t k;
	if (ipc_open(&r, p, n, &type) || type != TYPE)
		return -EBADMSG;
	bool same = ipc_get_u8(&r) == 200;
	same = ipc_get_bool(&r) && same;
	same = ipc_get_u32(&r) == 0xdeadbeef && same;
	same = ipc_get_i64(&r) == INT64_MIN && same;
	same = ipc_get_id(&r).b[2] == 3 && same;
	same = memcmp(ipc_get_bytes(&r, 3, &k), "a\0b", k) == 0 && k == 3 && same;
	same = strcmp(ipc_get_text(&r, 64), "Sở Y tế") == 0 && same;
	same = *ipc_get_text(&r, 64) == 0 && same;
	int e = ipc_end(&r);
	return e ? e : same ? 0 : -EILSEQ;
}

static void what_is_written_is_read_and_a_cut_is_seen(void **state)
{
	(void)state;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	write_everything(&m);
	assert_int_equal(m.error, 0);
	assert_int_equal(read_everything(m.p, m.n), 0);
	for (size_t n = 0; n < m.n; n++) {
		char *cut = malloc(n + 1); /* its own block, so that reading beyond it is seen */
		assert_non_null(cut);
		memcpy(cut, m.p, n);
		assert_int_equal(read_everything(cut, n), -EBADMSG);
		free(cut);
	}
	buf_addc(&m, 0);
	assert_int_equal(read_everything(m.p, m.n), -EBADMSG);
	buf_release(&m);
}

static int read_text(const char *raw, size_t n, size_t max)
{
	struct buf m = BUF_INIT(1024);
	struct ipc_reader r;
	uint16_t type;
	ipc_begin(&m, TYPE);
	ipc_put_bytes(&m, raw, n);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	ipc_get_text(&r, max);
	int e = ipc_end(&r);
	buf_release(&m);
	return e;
}

static void a_text_is_utf8_and_bounded(void **state)
{
	(void)state;
	assert_int_equal(read_text("abc", 4, 3), 0);
	assert_int_equal(read_text("abc", 4, 2), -EBADMSG);
	assert_int_equal(read_text("abc", 3, 9), -EBADMSG); /* no NUL at its end */
	assert_int_equal(read_text("a\0c", 4, 9), -EBADMSG);
	assert_int_equal(read_text("\xff", 2, 9), -EBADMSG);
	assert_int_equal(read_text("", 0, 9), -EBADMSG);
}

static void the_vocabulary_travels(void **state)
{
	(void)state;
	struct agent_state in = {.inventory = {.host_name = "may-01",
	                             .os_name = "Debian",
	                             .n_addresses = 2,
	                             .addresses = {"10.0.0.1", "fe80::1"},
	                             .patches_pending = -1,
	                             .firewall = TRI_YES,
	                             .memory_bytes = INT64_C(1) << 40,
	                             .cpus = 8},
	    .n_providers = 1,
	    .providers = {{.name = "khien", .on = TRI_NO, .ours = true, .note = "no engine"}},
	    .problems = "no engine"};
	struct event e = {.kind = EVENT_DETECTION,
	    .at_us = 77,
	    .id = {9},
	    .detection = {.engine = "e",
	        .name = "n",
	        .type = "",
	        .path = {PATH_BYTES, 3, "\xff/x", "\\xff/x"},
	        .has_md5 = true,
	        .md5 = {5},
	        .device = DEVICE_REMOVABLE,
	        .action = ACTION_BLOCKED}};
	struct hardware h = {2, {{HW_MAC, {{1}}}, {HW_SMBIOS_UUID, {{2}}}}};
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	ipc_begin(&m, TYPE);
	ipc_put_state(&m, &in);
	ipc_put_event(&m, &e);
	ipc_put_hardware(&m, &h);
	struct ipc_reader r;
	uint16_t type;
	struct agent_state out;
	struct event eo;
	struct hardware ho;
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	ipc_get_state(&r, &out);
	ipc_get_event(&r, &eo);
	ipc_get_hardware(&r, &ho);
	assert_int_equal(ipc_end(&r), 0);
	assert_string_equal(out.inventory.addresses[1], "fe80::1");
	assert_string_equal(out.inventory.domain, "");
	assert_int_equal(out.inventory.patches_pending, -1);
	assert_true(out.inventory.memory_bytes == INT64_C(1) << 40);
	assert_string_equal(out.providers[0].note, "no engine");
	assert_int_equal(eo.detection.path.n, 3);
	assert_memory_equal(eo.detection.path.raw, "\xff/x", 3);
	assert_int_equal(eo.detection.md5[0], 5);
	assert_false(eo.detection.has_sha256);
	assert_int_equal(ho.n, 2);
	assert_int_equal(ho.v[0].kind, HW_SMBIOS_UUID);
	buf_release(&m);
}

/* Writes `in`, reads it, and wants the same bytes when it is written again; whatever is cut off is seen. */
static void event_travels(const struct event *in, struct event *ret, struct buf *m)
{
	struct buf again = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	ipc_begin(m, TYPE);
	ipc_put_event(m, in);
	for (size_t n = 2; n < m->n; n++) {
		assert_int_equal(ipc_open(&r, m->p, n, &type), 0);
		ipc_get_event(&r, ret);
		assert_int_equal(ipc_end(&r), -EBADMSG);
	}
	assert_int_equal(ipc_open(&r, m->p, m->n, &type), 0);
	ipc_get_event(&r, ret);
	assert_int_equal(ipc_end(&r), 0);
	ipc_begin(&again, TYPE);
	ipc_put_event(&again, ret);
	assert_int_equal(again.n, m->n);
	assert_memory_equal(again.p, m->p, m->n);
	buf_release(&again);
}

static void what_an_agent_did_travels(void **unused)
{
	(void)unused;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct event e = {.kind = EVENT_QUARANTINE,
	    .quarantine = {.change = QUARANTINE_RESTORED,
	        .item = {{7}},
	        .name = "n",
	        .path = {PATH_BYTES, 1, "/", "/"},
	        .why = "wrong",
	        .task_id = 4}};
	struct event out;
	event_travels(&e, &out, &m);
	assert_true(out.quarantine.change == QUARANTINE_RESTORED && out.quarantine.task_id == 4);
	assert_string_equal(out.quarantine.why, "wrong");
	e = (struct event){.kind = EVENT_SCAN,
	    .scan = {.extent = SCAN_CUSTOM,
	        .end = SCAN_ENDED_BADLY,
	        .files = 3,
	        .n_reasons = 1,
	        .not_scanned = {{"encrypted", 2}}}};
	event_travels(&e, &out, &m);
	assert_string_equal(out.scan.not_scanned[0].reason, "encrypted");
	e = (struct event){.kind = EVENT_TASK_RESULT, .task_id = 3, .task_started = true, .body = "{}"};
	event_travels(&e, &out, &m);
	assert_true(out.task_started);
	buf_release(&m);
}

static void a_tasks_arguments_travel(void **unused)
{
	(void)unused;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct task_args in = {.scan = {SCAN_CUSTOM, 2, {"/srv", "/home"}}}, out;
	struct ipc_reader r;
	uint16_t type;
	ipc_begin(&m, TYPE);
	ipc_put_task_args(&m, TASK_SCAN, &in);
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	ipc_get_task_args(&r, TASK_SCAN, &out);
	assert_int_equal(ipc_end(&r), 0);
	assert_true(out.scan.extent == SCAN_CUSTOM && out.scan.n_paths == 2);
	assert_string_equal(out.scan.paths[1], "/home");
	/* read as another kind's they are no message at all */
	assert_int_equal(ipc_open(&r, m.p, m.n, &type), 0);
	ipc_get_task_args(&r, TASK_QUARANTINE_DELETE, &out);
	assert_int_equal(ipc_end(&r), -EBADMSG);
	buf_release(&m);
}

static void pair(struct ipc_channel **a, struct ipc_channel **b)
{
	int fds[2];
	assert_int_equal(ipc_pair(fds), 0);
	assert_int_equal(ipc_channel_new(fds[0], a), 0);
	assert_int_equal(ipc_channel_new(fds[1], b), 0);
}

static int receive(struct ipc_channel *c, struct ipc_reader *r, uint16_t *type)
{
	for (;;) {
		int k = ipc_channel_receive(c, r, type);
		if (k)
			return k;
		struct pollfd p = {.fd = ipc_channel_fd(c), .events = POLLIN};
		assert_int_equal(poll(&p, 1, 5000), 1);
	}
}

static void messages_arrive_whole_and_in_order(void **state)
{
	(void)state;
	struct ipc_channel *a, *b;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	pair(&a, &b);
	assert_int_equal(ipc_channel_receive(b, &r, &type), 0);
	for (uint16_t i = 1; i <= 50; i++) {
		ipc_begin(&m, i);
		for (unsigned k = 0; k < i; k++)
			ipc_put_u8(&m, (uint8_t)i);
		assert_int_equal(ipc_channel_send(a, &m), 0);
	}
	for (uint16_t i = 1; i <= 50; i++) {
		assert_int_equal(receive(b, &r, &type), 1);
		assert_int_equal(type, i);
		assert_int_equal(r.n, i);
	}
	ipc_channel_free(a);
	assert_int_equal(receive(b, &r, &type), -EPIPE);
	ipc_channel_free(b);
	buf_release(&m);
}

static void a_peer_that_does_not_read_is_a_full_queue(void **state)
{
	(void)state;
	struct ipc_channel *a, *b;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	int sent = 0, e;
	static char block[MAX_IPC_MESSAGE - 16];
	pair(&a, &b);
	ipc_begin(&m, TYPE);
	ipc_put_bytes(&m, block, sizeof block);
	while ((e = ipc_channel_send(a, &m)) == 0)
		sent++;
	assert_int_equal(e, -ENOBUFS);
	assert_in_range(sent, 4, 10);
	for (int got = 0; got < sent; got++) { /* and nothing of what was queued is lost */
		while ((e = ipc_channel_receive(b, &r, &type)) == 0)
			assert_int_equal(ipc_channel_flush(a), 0);
		assert_int_equal(e, 1);
		assert_int_equal(r.n, sizeof block + 4);
	}
	assert_false(ipc_channel_wants_write(a));
	ipc_channel_free(a);
	ipc_channel_free(b);
	buf_release(&m);
}

static void broken_framing_is_refused(void **state)
{
	(void)state;
	static const unsigned char frames[][10] = {
	    {0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0}, /* too long */
	    {2, 0, 0, 0, 2, 0, 0, 0, 1, 0},       /* another version */
	    {2, 0, 0, 0, 1, 1, 0, 0, 1, 0},       /* a descriptor that is not there */
	    {2, 0, 0, 0, 1, 5, 0, 0, 1, 0},       /* more than a message may have */
	    {1, 0, 0, 0, 1, 0, 0, 0, 1, 0},       /* less than a type */
	};
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		int fds[2];
		struct ipc_channel *c;
		struct ipc_reader r;
		uint16_t type;
		assert_int_equal(ipc_pair(fds), 0);
		assert_int_equal(ipc_channel_new(fds[1], &c), 0);
		assert_int_equal(write(fds[0], frames[i], 10), 10);
		assert_int_equal(ipc_channel_receive(c, &r, &type), -EBADMSG);
		close(fds[0]);
		ipc_channel_free(c);
	}
}

static int numbered_file(int number)
{
	int fd = memfd_create("khien-test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &number, sizeof number, 0), sizeof number);
	return fd;
}

static int number_of(int fd)
{
	int number = -1;
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pread(fd, &number, sizeof number, 0), sizeof number);
	close(fd);
	return number;
}

static int open_files(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void send_numbered(struct ipc_channel *c, uint16_t type, int first, size_t n)
{
	struct buf m = BUF_INIT(64);
	int fds[MAX_IPC_FDS];
	for (size_t i = 0; i < n; i++)
		fds[i] = numbered_file(first + (int)i);
	ipc_begin(&m, type);
	ipc_put_u8(&m, (uint8_t)n);
	assert_int_equal(ipc_channel_send_fds(c, &m, fds, n), 0);
	buf_release(&m);
}

static void descriptors_come_with_their_message(void **state)
{
	(void)state;
	struct ipc_channel *a, *b;
	struct ipc_reader r;
	uint16_t type;
	int before = open_files();
	pair(&a, &b);
	for (int round = 0; round < 3; round++) { /* several in the socket at once, with and without */
		send_numbered(a, 1, 10, 2);
		send_numbered(a, 2, 0, 0);
		send_numbered(a, 3, 30, MAX_IPC_FDS);
		send_numbered(a, 4, 40, 1);
	}
	for (int round = 0; round < 3; round++) {
		assert_int_equal(receive(b, &r, &type), 1);
		assert_int_equal(number_of(ipc_channel_take_fd(b)), 10);
		assert_int_equal(number_of(ipc_channel_take_fd(b)), 11);
		assert_int_equal(ipc_channel_take_fd(b), -ENOENT);
		assert_int_equal(receive(b, &r, &type), 1);
		assert_int_equal(type, 2);
		assert_int_equal(ipc_channel_take_fd(b), -ENOENT);
		assert_int_equal(receive(b, &r, &type), 1);
		assert_int_equal(number_of(ipc_channel_take_fd(b)), 30); /* the others are left */
		assert_int_equal(receive(b, &r, &type), 1);
		assert_int_equal(type, 4);
		assert_int_equal(number_of(ipc_channel_take_fd(b)), 40);
	}
	send_numbered(a, 1, 10, 2);
	assert_int_equal(receive(b, &r, &type), 1);
	ipc_channel_free(a);
	ipc_channel_free(b);
	assert_int_equal(open_files(), before);
}

static void descriptors_wait_for_a_peer_that_does_not_read(void **state)
{
	(void)state;
	static char block[MAX_IPC_MESSAGE - 16];
	struct ipc_channel *a, *b;
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	struct ipc_reader r;
	uint16_t type;
	int sent = 0, e = 0, before = open_files();
	pair(&a, &b);
	ipc_begin(&m, TYPE);
	ipc_put_bytes(&m, block, sizeof block);
	while (!ipc_channel_queued(a))
		assert_int_equal(ipc_channel_send(a, &m), 0);
	ipc_begin(&m, 7);
	for (; !e; sent++) {
		int fd = numbered_file(sent);
		e = ipc_channel_send_fds(a, &m, &fd, 1);
		if (e)
			assert_int_equal(number_of(fd), sent); /* still ours */
	}
	assert_int_equal(e, -ENOBUFS);
	for (int got = 0; got < sent - 1;) {
		while ((e = ipc_channel_receive(b, &r, &type)) == 0)
			assert_int_equal(ipc_channel_flush(a), 0);
		assert_int_equal(e, 1);
		if (type == 7)
			assert_int_equal(number_of(ipc_channel_take_fd(b)), got++);
	}
	while (!ipc_channel_queued(a)) {
		int fd = numbered_file(0);
		ipc_begin(&m, TYPE);
		ipc_put_bytes(&m, block, sizeof block);
		assert_int_equal(ipc_channel_send_fds(a, &m, &fd, 1), 0);
	}
	ipc_channel_free(a); /* with what still waits */
	ipc_channel_free(b);
	buf_release(&m);
	assert_int_equal(open_files(), before);
}

static void a_dead_peer_gives_descriptors_back(void **state)
{
	(void)state;
	struct ipc_channel *a, *b;
	struct buf m = BUF_INIT(64);
	int fd = numbered_file(5);
	pair(&a, &b);
	ipc_channel_free(b);
	ipc_begin(&m, TYPE);
	assert_int_equal(ipc_channel_send_fds(a, &m, &fd, 1), -EPIPE);
	assert_int_equal(number_of(fd), 5);
	ipc_channel_free(a);
	buf_release(&m);
}

static void too_many_open_files_cost_the_descriptor_and_not_the_channel(void **state)
{
	(void)state;
	struct ipc_channel *a, *b;
	struct ipc_reader r;
	struct rlimit old, tight;
	uint16_t type;
	pair(&a, &b);
	send_numbered(a, 1, 10, 2);
	send_numbered(a, 2, 20, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	int lowest = dup(0);
	close(lowest);
	tight.rlim_cur = (rlim_t)lowest + 1; /* room for one of the two */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(receive(b, &r, &type), 1);
	assert_int_equal(type, 1);
	assert_int_equal(ipc_get_u8(&r), 2);
	assert_int_equal(ipc_channel_take_fd(b), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(receive(b, &r, &type), 1);
	assert_int_equal(number_of(ipc_channel_take_fd(b)), 20);
	ipc_channel_free(a);
	ipc_channel_free(b);
}

static void raw_send(int socket, const void *p, size_t n, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	struct iovec bytes = {(void *)(uintptr_t)p, n};
	struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.room};
	m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	assert_int_equal(sendmsg(socket, &m, 0), n);
}

/* {bytes in the first piece, descriptors with it, with the rest; what receive says} */
static void descriptors_nobody_announced_are_closed(void **state)
{
	(void)state;
	static const unsigned char frame[] = {2, 0, 0, 0, 1, 1, 0, 0, 1, 0};
	static const struct {
		size_t first, with_first, with_rest;
		int told;
	} cases[] = {
	    {8, 2, 0, -EBADMSG}, /* more than it says */
	    {3, 1, 1, -EBADMSG},
	    {3, 4, 4, -EBADMSG},
	    {8, 1, 3, 1}, /* with the message's bytes: the kernel's to close */
	    {8, 9, 0, 1}, /* more than anybody has room for: none is taken */
	    {3, 1, 0, -EBADMSG},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fds[2], before = open_files();
		struct ipc_channel *c;
		struct ipc_reader r;
		uint16_t type;
		assert_int_equal(ipc_pair(fds), 0);
		assert_int_equal(ipc_channel_new(fds[1], &c), 0);
		raw_send(fds[0], frame, cases[i].first, cases[i].with_first);
		if (i == 5) { /* announced, and not there */
			static const unsigned char none[] = {2, 0, 0, 0, 1, 2, 0, 0, 1, 0};
			assert_int_equal(write(fds[0], none + 3, sizeof none - 3), sizeof none - 3);
		} else if (cases[i].with_rest) {
			raw_send(fds[0], frame + cases[i].first, sizeof frame - cases[i].first, cases[i].with_rest);
		} else {
			size_t rest = sizeof frame - cases[i].first;
			assert_int_equal(write(fds[0], frame + cases[i].first, rest), rest);
		}
		assert_int_equal(ipc_channel_receive(c, &r, &type), cases[i].told);
		close(fds[0]);
		ipc_channel_free(c);
		assert_int_equal(open_files(), before);
	}
}

static void *answer_one(void *path)
{
	int fd = *(int *)path;
	struct ipc_channel *c = NULL;
	struct ipc_reader r;
	uint16_t type;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct buf m = BUF_INIT(64);
	if (poll(&p, 1, 5000) == 1 && ipc_accept(fd, &c) == 0 && receive(c, &r, &type) == 1) {
		struct ipc_peer peer;
		ipc_begin(&m, (uint16_t)(type + 1));
		ipc_put_u32(&m, ipc_channel_peer(c, &peer) ? 0 : (uint32_t)peer.pid);
		ipc_channel_send(c, &m);
	}
	ipc_channel_free(c);
	buf_release(&m);
	return NULL;
}

static void a_socket_serves_its_path(void **state)
{
	(void)state;
	char dir[] = "/tmp/khien-ipc-XXXXXX", deep[256], path[300];
	assert_non_null(mkdtemp(dir));
	snprintf(deep, sizeof deep, "%s/%0100d", dir, 0); /* beyond what an address has room for */
	assert_int_equal(mkdir(deep, 0700), 0);
	snprintf(path, sizeof path, "%s/s", deep);
	struct ipc_channel *c;
	struct ipc_reader r;
	uint16_t type;
	int fd, again;
	assert_int_equal(ipc_connect(path, &c), -ENOENT);
	assert_int_equal(ipc_listen(path, 0600, &fd), 0);
	close(fd); /* a stale socket is in nobody's way */
	assert_int_equal(ipc_connect(path, &c), -ECONNREFUSED);
	assert_int_equal(ipc_listen(path, 0600, &fd), 0);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, answer_one, &fd), 0);
	assert_int_equal(ipc_connect(path, &c), 0);
	struct buf m = BUF_INIT(64);
	ipc_begin(&m, TYPE);
	assert_int_equal(ipc_channel_call(c, &m, 5000, &r, &type), 0);
	assert_int_equal(type, TYPE + 1);
	assert_int_equal(ipc_get_u32(&r), getpid());
	assert_int_equal(ipc_end(&r), 0);
	pthread_join(t, NULL);
	assert_int_equal(ipc_channel_call(c, &m, 50, &r, &type), -EPIPE);
	ipc_channel_free(c);
	assert_int_equal(ipc_connect(path, &c), 0);
	assert_int_equal(ipc_channel_call(c, &m, 50, &r, &type), -ETIMEDOUT); /* nobody accepts */
	ipc_channel_free(c);
	close(fd);
	unlink(path);
	int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(file);
	assert_int_equal(ipc_listen(path, 0600, &again), -EEXIST); /* a file is not ours to remove */
	unlink(path);
	rmdir(deep);
	rmdir(dir);
	buf_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read_and_a_cut_is_seen),
	    cmocka_unit_test(a_text_is_utf8_and_bounded),
	    cmocka_unit_test(the_vocabulary_travels),
	    cmocka_unit_test(what_an_agent_did_travels),
	    cmocka_unit_test(a_tasks_arguments_travel),
	    cmocka_unit_test(messages_arrive_whole_and_in_order),
	    cmocka_unit_test(a_peer_that_does_not_read_is_a_full_queue),
	    cmocka_unit_test(broken_framing_is_refused),
	    cmocka_unit_test(descriptors_come_with_their_message),
	    cmocka_unit_test(descriptors_wait_for_a_peer_that_does_not_read),
	    cmocka_unit_test(a_dead_peer_gives_descriptors_back),
	    cmocka_unit_test(too_many_open_files_cost_the_descriptor_and_not_the_channel),
	    cmocka_unit_test(descriptors_nobody_announced_are_closed),
	    cmocka_unit_test(a_socket_serves_its_path),
	};
	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
