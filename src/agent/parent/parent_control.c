#include "parent_int.h"
#include "bounds.h"
#include "ipc_model.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void parent_control_drop(struct client *c)
{
	if (c->waits == WAITS_FOR_RESULT)
		pool_cancel(c->parent->scan.pool, c);
	if (c->content >= 0)
		close(c->content);
	ipc_channel_free(c->channel);
	buf_release(&c->asked);
	*c = (struct client){.asked = BUF_INIT(MAX_IPC_MESSAGE), .content = -1};
}

/* The file's mode keeps others out; the kernel's word about the peer is looked at all the same. */
void parent_control_accept(struct parent *p)
{
	struct ipc_channel *channel;
	struct ipc_peer peer;
	struct client *free_one = NULL;
	if (ipc_accept(p->listener, &channel))
		return;
	for (size_t i = 0; i < MAX_CLIENTS && !free_one; i++)
		if (!p->clients[i].channel)
			free_one = &p->clients[i];
	if (!free_one || ipc_channel_peer(channel, &peer) || (peer.uid != 0 && peer.uid != geteuid())) {
		ipc_channel_free(channel);
		return;
	}
	free_one->channel = channel;
	free_one->parent = p;
}

struct client *parent_waiting(struct parent *p, enum waits waits, int64_t ticket)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &p->clients[i];
		if (c->channel && c->waits == waits && (!ticket || c->ticket == ticket))
			return c;
	}
	return NULL;
}

/* c may be NULL: whoever asked has gone. */
void parent_answer_client(struct parent *p, struct client *c, const struct buf *m)
{
	(void)p;
	if (!c)
		return;
	c->waits = WAITS_FOR_NOTHING;
	buf_release(&c->asked);
	if (ipc_channel_send(c->channel, m))
		parent_control_drop(c);
}

void parent_refuse(struct parent *p, struct client *c, int code, const char *why)
{
	ipc_begin(&p->out, CONTROL_REFUSED);
	ipc_put_i64(&p->out, code);
	ipc_put_text(&p->out, why);
	parent_answer_client(p, c, &p->out);
}

static void wait_for(struct parent *p, struct client *c, enum waits waits)
{
	c->waits = waits;
	c->ticket = ++p->next_ticket;
}

/* ---- requests ---- */

/* "https://host:7441" with port + 1, or -EINVAL. */
static int next_port(const char *server, char *dst, size_t size)
{
	int64_t port;
	const char *colon = strrchr(server, ':');
	if (!colon || str_i64(colon + 1, 1, 65534, &port))
		return -EINVAL;
	int n = snprintf(dst, size, "%.*s:%d", (int)(colon - server), server, (int)port + 1);
	return n < 0 || (size_t)n >= size ? -EINVAL : 0;
}

static bool is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0 && url[8];
}

static int choose_servers(struct parent *p, const char *server, const char *agents_server)
{
	struct enrolment *e = &p->enrolment;
	if (!*server)
		server = p->options.server;
	if (!*agents_server)
		agents_server = p->options.agents_server;
	if (!is_https(server) || str_copy(e->server, sizeof e->server, server))
		return -EINVAL;
	if (*agents_server)
		return is_https(agents_server) ? str_copy(e->agents_server, sizeof e->agents_server, agents_server)
		                               : -EINVAL;
	return next_port(server, e->agents_server, sizeof e->agents_server);
}

static void ask_enrolment(struct parent *p)
{
	struct link_enrol m = {.server = p->enrolment.server, .agents_server = p->enrolment.agents_server};
	memcpy(m.token_id, p->enrolment.token.id, sizeof m.token_id);
	memcpy(m.pin, p->enrolment.token.pin, sizeof m.pin);
	memcpy(m.seal_key, p->identity.seal_public, sizeof m.seal_key);
	ipc_begin(&p->out, LINK_ENROL);
	link_put_enrol(&p->out, &m);
	parent_link_send(p, &p->out);
}

static int request_enrol(struct parent *p, struct client *c, struct ipc_reader *r)
{
	const char *server = ipc_get_text(r, CONTROL_MAX_URL), *agents = ipc_get_text(r, CONTROL_MAX_URL);
	const char *token = ipc_get_text(r, CONTROL_MAX_TOKEN);
	if (ipc_end(r))
		return -EBADMSG;
	if (p->identity.standing == STANDING_ENROLLED) {
		parent_refuse(p, c, EALREADY, "this computer is enrolled already");
	} else if (p->enrolment.pending) {
		parent_refuse(p, c, EBUSY, "an enrolment is going on");
	} else if (choose_servers(p, server, agents)) {
		parent_refuse(p, c, EINVAL, "the server's address must be https://HOST:PORT");
	} else if (enrol_token_parse(token, &p->enrolment.token)) {
		parent_refuse(p, c, EINVAL, "this is not an enrolment token");
	} else {
		p->enrolment.pending = true;
		wait_for(p, c, WAITS_FOR_ENROLMENT);
		if (p->link.phase == LINK_UP)
			ask_enrolment(p);
	}
	return 0;
}

static int request_status(struct parent *p, struct client *c, struct ipc_reader *r)
{
	if (ipc_end(r))
		return -EBADMSG;
	ipc_begin(&p->out, CONTROL_FACTS);
	parent_put_facts(p, &p->out);
	parent_answer_client(p, c, &p->out);
	return 0;
}

/* What the protocol's bounds would refuse later is refused now, while somebody is there to be told. A byte of text may
 * become six in JSON. */
static bool fits(const struct detection *d)
{
	size_t text = strlen(d->engine) + strlen(d->name) + strlen(d->type) + strlen(d->path.display);
	return 6 * text + 4 * ((d->path.n + 2) / 3) + 1024 <= MAX_EVENT_BODY;
}

static int request_detection(struct parent *p, struct client *c, struct ipc_reader *r)
{
	struct event e;
	ipc_get_event(r, &e);
	if (ipc_end(r) || e.kind != EVENT_DETECTION)
		return -EBADMSG;
	if (!fits(&e.detection)) {
		parent_refuse(p, c, EMSGSIZE, "the detection is too long to be reported");
		return 0;
	}
	wait_for(p, c, WAITS_FOR_RECEIPT);
	ipc_begin(&c->asked, LINK_ADD);
	ipc_put_i64(&c->asked, c->ticket);
	ipc_put_event(&c->asked, &e);
	if (p->link.phase == LINK_UP)
		parent_link_send(p, &c->asked);
	return 0;
}

/* LINK_SYNC_NOW or LINK_GOODBYE; a link that is being restarted is asked when it is up. */
static void ask_link(struct parent *p, const struct client *c)
{
	if (p->link.phase != LINK_UP)
		return;
	ipc_begin(&p->out, c->waits == WAITS_FOR_SYNC ? LINK_SYNC_NOW : LINK_GOODBYE);
	ipc_put_i64(&p->out, c->ticket);
	parent_link_send(p, &p->out);
}

static void wait_for_link(struct parent *p, struct client *c, enum waits waits)
{
	if (p->identity.standing != STANDING_ENROLLED) {
		parent_refuse(p, c, ENOTCONN, "this computer is not enrolled");
		return;
	}
	wait_for(p, c, waits);
	ask_link(p, c);
}

static int request_sync(struct parent *p, struct client *c, struct ipc_reader *r)
{
	if (ipc_end(r))
		return -EBADMSG;
	parent_collect(p);
	wait_for_link(p, c, WAITS_FOR_SYNC);
	return 0;
}

static int request_goodbye(struct parent *p, struct client *c, struct ipc_reader *r)
{
	if (ipc_end(r))
		return -EBADMSG;
	wait_for_link(p, c, WAITS_FOR_GOODBYE);
	return 0;
}

static void scanned(void *arg, const struct scan_result *result)
{
	struct client *c = arg;
	struct parent *p = c->parent;
	close(c->content);
	c->content = -1;
	ipc_begin(&p->out, CONTROL_FILE_SCANNED);
	pool_put_result(&p->out, result);
	parent_answer_client(p, c, &p->out);
}

static int request_scan_file(struct parent *p, struct client *c, struct ipc_reader *r)
{
	int fd = ipc_channel_take_fd(c->channel);
	struct scan_job job = {.fd = fd, .deadline_ms = parent_scan_deadline_ms(p), .done = scanned, .arg = c};
	if (ipc_end(r))
		fd = -EBADMSG;
	int k = fd < 0 ? fd : p->scan.pool ? pool_submit(p->scan.pool, &job) : -ENOENT;
	if (!k) {
		wait_for(p, c, WAITS_FOR_RESULT);
		c->content = fd;
		return 0;
	}
	if (job.fd >= 0)
		close(job.fd);
	if (k == -EBADMSG)
		return k;
	parent_refuse(p, c, -k, p->scan.pool ? "nothing can be scanned now" : "this computer has no scanner");
	return 0;
}

static int request_signatures(struct parent *p, struct client *c, struct ipc_reader *r)
{
	if (ipc_end(r))
		return -EBADMSG;
	int k = parent_scan_reload(p);
	if (k)
		parent_refuse(p, c, -k, k == -ENOENT ? "this computer has no scanner" : strerror(-k));
	else
		wait_for(p, c, WAITS_FOR_SIGNATURES);
	return 0;
}

static int request_scan(struct parent *p, struct client *c, struct ipc_reader *r)
{
	parent_sweep_ask(p, c, r);
	return 0;
}
/* Each of them is a message that the process which does it reads. */
#define PASSED_ON(name, type)                                                                                          \
	static int name(struct parent *p, struct client *c, struct ipc_reader *r)                                      \
	{                                                                                                              \
		return parent_quarantine_request(p, c, type, r);                                                       \
	}
PASSED_ON(request_quarantine_list, CONTROL_QUARANTINE_LIST)
PASSED_ON(request_quarantine_restore, CONTROL_QUARANTINE_RESTORE)
PASSED_ON(request_quarantine_delete, CONTROL_QUARANTINE_DELETE)
PASSED_ON(request_allow_list, CONTROL_ALLOW_LIST)
PASSED_ON(request_allow_add, CONTROL_ALLOW_ADD)
PASSED_ON(request_allow_remove, CONTROL_ALLOW_REMOVE)

static int (*const requests[CONTROL_REQUEST_END])(struct parent *p, struct client *c, struct ipc_reader *r) = {
    [CONTROL_ENROL] = request_enrol,
    [CONTROL_STATUS] = request_status,
    [CONTROL_DETECTION] = request_detection,
    [CONTROL_SYNC] = request_sync,
    [CONTROL_GOODBYE] = request_goodbye,
    [CONTROL_SCAN_FILE] = request_scan_file,
    [CONTROL_SIGNATURES] = request_signatures,
    [CONTROL_SCAN] = request_scan,
    [CONTROL_QUARANTINE_LIST] = request_quarantine_list,
    [CONTROL_QUARANTINE_RESTORE] = request_quarantine_restore,
    [CONTROL_QUARANTINE_DELETE] = request_quarantine_delete,
    [CONTROL_ALLOW_LIST] = request_allow_list,
    [CONTROL_ALLOW_ADD] = request_allow_add,
    [CONTROL_ALLOW_REMOVE] = request_allow_remove,
};

/* One request at a time: a client that waits is not read, so that its next one stays in the socket. */
void parent_control_readable(struct parent *p, struct client *c)
{
	struct ipc_reader r;
	uint16_t type;
	while (c->channel && c->waits == WAITS_FOR_NOTHING) {
		int k = ipc_channel_receive(c->channel, &r, &type);
		if (k == 0)
			return;
		if (k < 0 || type >= CONTROL_REQUEST_END || !requests[type] || requests[type](p, c, &r)) {
			parent_control_drop(c);
			return;
		}
	}
}

/* A new link knows nothing of what the old one was asked. An event has its id, an enrolment its key, a sync its
 * counter: asking twice does it once. */
void parent_control_resume(struct parent *p)
{
	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct client *c = &p->clients[i];
		if (!c->channel)
			continue;
		if (c->waits == WAITS_FOR_RECEIPT)
			parent_link_send(p, &c->asked);
		else if (c->waits == WAITS_FOR_SYNC || c->waits == WAITS_FOR_GOODBYE)
			ask_link(p, c);
	}
	parent_events_resume(p);
	if (p->enrolment.pending)
		ask_enrolment(p);
}
