#include "ca_client.h"

#include "ca_message.h"
#include "ipc_channel.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct ca_client {
	char *path;
	int timeout_ms;
	struct ipc_channel *channel; /* NULL: not connected */
};

int ca_client_new(const char *socket_path, int timeout_ms, struct ca_client **ret)
{
	struct ca_client *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->timeout_ms = timeout_ms;
	c->path = strdup(socket_path);
	if (!c->path) {
		free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void ca_client_free(struct ca_client *c)
{
	if (!c)
		return;
	ipc_channel_free(c->channel);
	free(c->path);
	free(c);
}

static void hang_up(struct ca_client *c)
{
	ipc_channel_free(c->channel);
	c->channel = NULL;
}

static int wait_for(struct ca_client *c, int64_t until)
{
	int64_t left = until - clock_mono_us();
	struct pollfd p = {.fd = ipc_channel_fd(c->channel), .events = POLLIN};
	if (ipc_channel_wants_write(c->channel))
		p.events |= POLLOUT;
	if (left <= 0)
		return -ETIMEDOUT;
	int n = poll(&p, 1, (int)(left / 1000) + 1);
	if (n < 0 && errno != EINTR)
		return -errno;
	return p.revents & POLLOUT ? ipc_channel_flush(c->channel) : 0;
}

static int next_answer(struct ca_client *c, int64_t until, struct ipc_reader *ret, uint16_t *ret_type)
{
	int r;
	while ((r = ipc_channel_receive(c->channel, ret, ret_type)) == 0) {
		r = wait_for(c, until);
		if (r)
			return r;
	}
	return r < 0 ? r : 0;
}

static int send_all(struct ca_client *c, const struct ca_request *q, size_t n)
{
	struct buf m = BUF_INIT(MAX_IPC_MESSAGE);
	int r = c->channel ? 0 : ipc_connect(c->path, &c->channel);
	for (size_t i = 0; !r && i < n; i++) {
		ca_put_request(&m, &q[i]);
		r = ipc_channel_send(c->channel, &m);
	}
	buf_release(&m);
	return r;
}

typedef int (*take_answer)(struct ipc_reader *r, uint16_t type, size_t i, void *arg);

/* Sends n requests and takes n answers. A connection that khien-ca closed since the last call (it was restarted) is
 * replaced once, before anything was answered: every call may be repeated. */
static int exchange(
    struct ca_client *c, const struct ca_request *q, size_t n, take_answer take, void *arg, struct err *e)
{
	int64_t until = clock_mono_us() + (int64_t)c->timeout_ms * 1000;
	bool kept = c->channel != NULL;
	size_t i = 0;
	int r = send_all(c, q, n);
	while (i < n) {
		struct ipc_reader reader;
		uint16_t type;
		if (!r)
			r = next_answer(c, until, &reader, &type);
		if (r) {
			hang_up(c);
			if (!kept || i || r == -ETIMEDOUT)
				return err_set(e, r, "khien-ca: %s", strerror(-r));
			kept = false;
			r = send_all(c, q, n);
			continue;
		}
		r = take(&reader, type, i++, arg);
		if (r == -EBADMSG) {
			hang_up(c);
			return err_set(e, r, "khien-ca's answer is not understood");
		}
		r = 0;
	}
	return 0;
}

static int take_agent(struct ipc_reader *r, uint16_t type, size_t i, void *arg)
{
	struct ca_agent_request *v = (struct ca_agent_request *)arg + i;
	const char *pem = NULL;
	v->result = ca_get_certificate(r, type, &pem, &v->err);
	v->cert_pem = v->result ? NULL : strdup(pem);
	if (!v->result && !v->cert_pem)
		v->result = -ENOMEM;
	return v->result;
}

int ca_sign_agents(struct ca_client *c, struct ca_agent_request *v, size_t n, struct err *e)
{
	struct ca_request q[CA_MAX_BATCH] = {0};
	if (n > CA_MAX_BATCH)
		return err_set(e, -E2BIG, "more than %d requests", CA_MAX_BATCH);
	for (size_t i = 0; i < n; i++) {
		q[i] = (struct ca_request){.call = CA_SIGN_AGENT, .csr_pem = v[i].csr_pem, .subject = v[i].machine};
		v[i].result = -EPIPE;
		v[i].cert_pem = NULL;
		v[i].err = (struct err){0};
	}
	int r = exchange(c, q, n, take_agent, v, e);
	for (size_t i = 0; r && i < n; i++) {
		free(v[i].cert_pem);
		v[i].cert_pem = NULL;
	}
	return r;
}

/* One question with one answer. */
struct single {
	int r;
	struct err *e;
	char *pem;
	struct ca_trust *trust;
	struct ca_status *status;
	int64_t generation;
};

static int take_server(struct ipc_reader *r, uint16_t type, size_t i, void *arg)
{
	(void)i;
	struct single *s = arg;
	const char *pem = NULL;
	s->r = ca_get_certificate(r, type, &pem, s->e);
	if (!s->r && !(s->pem = strdup(pem)))
		s->r = -ENOMEM;
	return s->r;
}

int ca_sign_server(struct ca_client *c, const char *csr_pem, const char *names, char **ret_pem, struct err *e)
{
	struct single s = {.e = e};
	struct ca_request q = {.call = CA_SIGN_SERVER, .csr_pem = csr_pem, .subject = names};
	int r = exchange(c, &q, 1, take_server, &s, e);
	if (!r && !s.r)
		*ret_pem = s.pem;
	return r ? r : s.r;
}

static int take_trust(struct ipc_reader *r, uint16_t type, size_t i, void *arg)
{
	(void)i;
	struct single *s = arg;
	struct ca_trust t;
	s->r = ca_get_new_trust(r, type, &t, s->e);
	if (s->r || !t.version)
		return s->r;
	t.issuers_pem = strdup(t.issuers_pem);
	t.root_pem = strdup(t.root_pem);
	t.anchors_pem = strdup(t.anchors_pem);
	if (t.issuers_pem && t.root_pem && t.anchors_pem) {
		*s->trust = t;
		s->r = 1;
	} else {
		ca_trust_release(&t);
		s->r = -ENOMEM;
	}
	return s->r;
}

int ca_get_trust(struct ca_client *c, int64_t known, struct ca_trust *ret, struct err *e)
{
	struct single s = {.e = e, .trust = ret};
	struct ca_request q = {.call = CA_GET_TRUST, .number = known};
	int r = exchange(c, &q, 1, take_trust, &s, e);
	return r ? r : s.r;
}

void ca_trust_release(struct ca_trust *t)
{
	free(t->issuers_pem);
	free(t->root_pem);
	free(t->anchors_pem);
	*t = (struct ca_trust){0};
}

static int take_status(struct ipc_reader *r, uint16_t type, size_t i, void *arg)
{
	(void)i;
	struct single *s = arg;
	return s->r = ca_get_status_answer(r, type, s->status, s->e);
}

int ca_get_status(struct ca_client *c, struct ca_status *ret, struct err *e)
{
	struct single s = {.e = e, .status = ret};
	struct ca_request q = {.call = CA_GET_STATUS};
	int r = exchange(c, &q, 1, take_status, &s, e);
	return r ? r : s.r;
}

static int take_changed(struct ipc_reader *r, uint16_t type, size_t i, void *arg)
{
	(void)i;
	struct single *s = arg;
	return s->r = ca_get_changed(r, type, &s->generation, s->e);
}

/* Not to be repeated by itself: a rotation whose answer was lost has happened. So the connection is a fresh one. */
static int change(struct ca_client *c, const struct ca_request *q, int64_t *ret_generation, struct err *e)
{
	struct single s = {.e = e};
	hang_up(c);
	int r = exchange(c, q, 1, take_changed, &s, e);
	if (!r && !s.r && ret_generation)
		*ret_generation = s.generation;
	return r ? r : s.r;
}

int ca_rotate(struct ca_client *c, int64_t *ret_generation, struct err *e)
{
	return change(c, &(struct ca_request){.call = CA_ROTATE}, ret_generation, e);
}

int ca_retire(struct ca_client *c, int64_t generation, struct err *e)
{
	return change(c, &(struct ca_request){.call = CA_RETIRE, .number = generation}, NULL, e);
}
