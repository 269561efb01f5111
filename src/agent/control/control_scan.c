#include "control_int.h"
#include "control_messages.h"
#include "str.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { LOOK_MS = 100 };

static void put_request(struct buf *m, const struct control_scan *s)
{
	ipc_begin(m, CONTROL_SCAN);
	ipc_put_u8(m, (uint8_t)s->extent);
	ipc_put_bool(m, s->resume);
	ipc_put_bool(m, s->report_only);
	ipc_put_u8(m, (uint8_t)s->n_paths);
	for (size_t i = 0; i < s->n_paths; i++)
		ipc_put_bytes(m, s->paths[i], strlen(s->paths[i]));
}

static int tell_progress(const struct control_watcher *w, struct ipc_reader *r)
{
	struct sweep_progress p;
	sweep_get_progress(r, &p);
	return ipc_end(r) ? -EBADMSG : w->progress(w->arg, &p);
}

static int tell_found(const struct control_watcher *w, struct ipc_reader *r)
{
	struct sweep_found f;
	sweep_get_found(r, &f);
	return ipc_end(r) ? -EBADMSG : w->found(w->arg, &f);
}

static int tell_missed(const struct control_watcher *w, struct ipc_reader *r)
{
	size_t n;
	enum scan_reason reason = ipc_get_enum(r, SCAN_REASON_COUNT);
	const char *path = ipc_get_bytes(r, MAX_PATH_BYTES, &n);
	return ipc_end(r) ? -EBADMSG : w->missed(w->arg, reason, path, n);
}

struct ending {
	bool ended;
	enum scan_end *end;
	char *why;
	struct err *e;
};

static int take_end(struct ending *ending, struct ipc_reader *r)
{
	*ending->end = ipc_get_enum(r, SCAN_END_END);
	int k = str_copy(ending->why, CONTROL_MAX_FACT, ipc_get_text(r, SWEEP_MAX_WHY));
	ending->ended = true;
	return k || ipc_end(r) ? -EBADMSG : 0;
}

static int take(uint16_t type, struct ipc_reader *r, const struct control_watcher *w, struct ending *ending)
{
	switch (type) {
	case CONTROL_SCAN_PROGRESS:
		return tell_progress(w, r);
	case CONTROL_SCAN_FOUND:
		return tell_found(w, r);
	case CONTROL_SCAN_MISSED:
		return tell_missed(w, r);
	case CONTROL_SCAN_ENDED:
		return take_end(ending, r);
	case CONTROL_REFUSED:
		return control_refused(r, ending->e);
	default:
		return -EBADMSG;
	}
}

static int wait_for_words(struct ipc_channel *c, const struct control_watcher *w)
{
	struct pollfd f = {ipc_channel_fd(c), (short)(POLLIN | (ipc_channel_wants_write(c) ? POLLOUT : 0)), 0};
	int k = poll(&f, 1, LOOK_MS);
	if (k < 0 && errno != EINTR)
		return -errno;
	if (k > 0 && f.revents & POLLOUT && ipc_channel_flush(c))
		return -EPIPE;
	return w->idle(w->arg);
}

int control_scan(struct control *c, const struct control_scan *scan, const struct control_watcher *w,
    enum scan_end *ret_end, char *ret_why, struct err *e)
{
	struct ending ending = {.end = ret_end, .why = ret_why, .e = e};
	struct ipc_reader r;
	uint16_t type;
	put_request(&c->request, scan);
	int k = ipc_channel_send(c->channel, &c->request);
	while (!k && !ending.ended) {
		k = ipc_channel_receive(c->channel, &r, &type);
		if (k == 1)
			k = take(type, &r, w, &ending);
		else if (!k)
			k = wait_for_words(c->channel, w);
	}
	if (k == -EPIPE)
		return err_set(e, k, "the agent ended the connection");
	return k == -EBADMSG ? err_set(e, k, "the agent's answer is broken") : k;
}
