#include "control_int.h"
#include "bounds.h"
#include "ipc_model.h"
#include "pool_messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An answer of the agent itself; above what its own link may take until it is restarted and asked again. */
enum { LOCAL_TIMEOUT_MS = 30000 };

int control_open(const char *socket_path, struct control **ret, struct err *e)
{
	struct ipc_channel *channel = NULL;
	int r = ipc_connect(socket_path, &channel);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return err_set(e, r, "no agent answers at %s", socket_path);
	if (r)
		return err_set(e, r, "%s: %s", socket_path, strerror(-r));
	struct control *c = calloc(1, sizeof *c);
	if (!c) {
		ipc_channel_free(channel);
		return err_set(e, -ENOMEM, "out of memory");
	}
	c->channel = channel;
	c->request = BUF_INIT(MAX_IPC_MESSAGE);
	*ret = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	ipc_channel_free(c->channel);
	buf_wipe(&c->request);
	free(c);
}

int control_refused(struct ipc_reader *r, struct err *e)
{
	int64_t code = ipc_get_i64(r);
	const char *why = ipc_get_text(r, CONTROL_MAX_FACT);
	if (ipc_end(r) || code < 1 || code > 4095)
		return err_set(e, -EBADMSG, "the agent's answer is broken");
	return err_set(e, -(int)code, "%s", why);
}

static int ask_with(struct control *c, const int *fds, size_t n, int timeout_ms, enum control_message want,
    struct ipc_reader *ret, struct err *e)
{
	uint16_t type;
	int r = ipc_channel_call_fds(c->channel, &c->request, fds, n, timeout_ms, ret, &type);
	buf_wipe(&c->request);
	if (r == -ETIMEDOUT)
		return err_set(e, r, "the agent has not answered in time");
	if (r == -EPIPE)
		return err_set(e, r, "the agent ended the connection");
	if (r)
		return err_set(e, r, "asking the agent: %s", strerror(-r));
	if (type == CONTROL_REFUSED)
		return control_refused(ret, e);
	return type == want ? 0 : err_set(e, -EBADMSG, "the agent's answer is broken");
}

int control_ask(struct control *c, int timeout_ms, enum control_message want, struct ipc_reader *ret, struct err *e)
{
	return ask_with(c, NULL, 0, timeout_ms, want, ret, e);
}

int control_ended(const struct ipc_reader *r, struct err *e)
{
	return ipc_end(r) ? err_set(e, -EBADMSG, "the agent's answer is broken") : 0;
}

int control_enrol(struct control *c, const char *server, const char *agents_server, const char *token, int timeout_ms,
    id16 *ret_machine, struct err *e)
{
	struct ipc_reader answer;
	ipc_begin(&c->request, CONTROL_ENROL);
	ipc_put_text(&c->request, server);
	ipc_put_text(&c->request, agents_server);
	ipc_put_text(&c->request, token);
	int r = control_ask(c, timeout_ms, CONTROL_ENROLLED, &answer, e);
	if (r)
		return r;
	id16 machine = ipc_get_id(&answer);
	r = control_ended(&answer, e);
	if (!r)
		*ret_machine = machine;
	return r;
}

int control_status(struct control *c, const struct control_fact **ret, size_t *ret_n, struct err *e)
{
	struct ipc_reader answer;
	ipc_begin(&c->request, CONTROL_STATUS);
	int r = control_ask(c, LOCAL_TIMEOUT_MS, CONTROL_FACTS, &answer, e);
	if (r)
		return r;
	size_t n = ipc_get_u32(&answer);
	if (n > CONTROL_MAX_FACTS)
		return err_set(e, -EBADMSG, "the agent's answer is broken");
	for (size_t i = 0; i < n; i++) {
		c->facts[i].name = ipc_get_text(&answer, CONTROL_MAX_FACT);
		c->facts[i].value = ipc_get_text(&answer, CONTROL_MAX_FACT);
	}
	r = control_ended(&answer, e);
	if (r)
		return r;
	*ret = c->facts;
	*ret_n = n;
	return 0;
}

int control_add_detection(struct control *c, const uint8_t id[8], int64_t at_us, const struct detection *d,
    struct control_receipt *ret, struct err *e)
{
	struct ipc_reader answer;
	struct event event = {.kind = EVENT_DETECTION, .at_us = at_us, .detection = *d};
	memcpy(event.id, id, sizeof event.id);
	ipc_begin(&c->request, CONTROL_DETECTION);
	ipc_put_event(&c->request, &event);
	int r = control_ask(c, LOCAL_TIMEOUT_MS, CONTROL_RECEIPT, &answer, e);
	if (r)
		return r;
	struct control_receipt receipt = {.stream = ipc_get_id(&answer), .seq = ipc_get_i64(&answer)};
	r = control_ended(&answer, e);
	if (!r)
		*ret = receipt;
	return r;
}

static int ask_plainly(struct control *c, enum control_message what, int timeout_ms, struct err *e)
{
	struct ipc_reader answer;
	ipc_begin(&c->request, what);
	int r = control_ask(c, timeout_ms, CONTROL_DONE, &answer, e);
	return r ? r : control_ended(&answer, e);
}

int control_sync(struct control *c, int timeout_ms, struct err *e)
{
	return ask_plainly(c, CONTROL_SYNC, timeout_ms, e);
}

int control_goodbye(struct control *c, int timeout_ms, struct err *e)
{
	return ask_plainly(c, CONTROL_GOODBYE, timeout_ms, e);
}

int control_signatures(struct control *c, int timeout_ms, struct err *e)
{
	return ask_plainly(c, CONTROL_SIGNATURES, timeout_ms, e);
}

int control_scan_file(struct control *c, int fd, int timeout_ms, struct scan_result *ret, struct err *e)
{
	struct ipc_reader answer;
	struct scan_result result;
	ipc_begin(&c->request, CONTROL_SCAN_FILE);
	int r = ask_with(c, &fd, 1, timeout_ms, CONTROL_FILE_SCANNED, &answer, e);
	if (r)
		return r;
	pool_get_result(&answer, &result);
	r = control_ended(&answer, e);
	if (!r)
		*ret = result;
	return r;
}
