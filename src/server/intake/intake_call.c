#include "intake_int.h"
#include "clock.h"

static const char *const retry_after[] = {"Retry-After", "5", NULL};

void *intake_call_new(struct intake *i, struct http_req *q, size_t size, void (*release)(struct intake_call *c))
{
	struct intake_call *c = calloc(1, size);
	if (!c) {
		atomic_fetch_add(&i->busy, 1);
		http_reply(q, 503, "application/json", NULL, 0, retry_after);
		return NULL;
	}
	const struct http_cert *cert = http_peer_cert(q);
	c->intake = i;
	c->q = q;
	c->release = release;
	c->deadline_us = clock_mono_us() + i->conf.request_s * US_PER_S;
	c->who = (struct agent_call){.address = http_peer_address(q), .request = http_request_id(q)};
	if (cert) {
		c->who.serial = cert->serial;
		c->who.serial_n = cert->serial_n;
	}
	return c;
}

void intake_call_free(struct intake_call *c)
{
	if (c->release)
		c->release(c);
	arena_release(&c->arena);
	free(c);
}

/* A call whose agent has given up waiting is not worth a place in a commit. */
static int run_job(struct db *db, void *arg)
{
	struct intake_call *c = arg;
	return clock_mono_us() > c->deadline_us ? -ETIMEDOUT : c->run(db, c);
}

static void on_base(void *arg)
{
	struct intake_call *c = arg;
	if (c->result == -ETIMEDOUT)
		intake_busy(c);
	else if (c->result)
		intake_fail(c, "store", c->result, strerror(-c->result));
	else
		c->then(c);
}

static void job_done(void *arg, int r)
{
	struct intake_call *c = arg;
	c->result = r;
	http_run(c->q, on_base, c);
}

void intake_write(
    struct intake_call *c, int (*run)(struct db *db, struct intake_call *c), void (*then)(struct intake_call *c))
{
	c->run = run;
	c->then = then;
	if (store_write(c->intake->conf.store, run_job, job_done, c))
		intake_busy(c);
}

void intake_answer(struct intake_call *c, struct buf *b)
{
	if (b->error)
		intake_fail(c, "answer", b->error, strerror(-b->error));
	else {
		http_reply(c->q, 200, "application/json", b->p, b->n, NULL);
		intake_call_free(c);
	}
	buf_release(b);
}

static void say(struct intake_call *c, int status, const struct wire_error *w, const char *const *headers)
{
	struct buf b = BUF_INIT(4096);
	wire_put_error(&b, w);
	http_reply(c->q, status, "application/json", b.p, b.error ? 0 : b.n, headers);
	buf_release(&b);
	intake_call_free(c);
}

void intake_refuse(struct intake_call *c, enum verdict v, const struct wire_error *hwm)
{
	static const char *const messages[VERDICT_END] = {
	    [VERDICT_TOKEN] = "the token is unknown, used up, expired or not proved",
	    [VERDICT_EXPIRED] = "the certificate's time is over: renew it",
	    [VERDICT_REVOKED] = "this certificate was revoked: enrol anew",
	    [VERDICT_STREAM] = "the stream belongs to another machine: open a new one",
	    [VERDICT_CLONE] = "this key goes on in two places: enrol anew",
	    [VERDICT_SYNC_FIRST] = "sync first, then repeat",
	    [VERDICT_GAP] = "events are missing before these: send from hwm + 1 on",
	    [VERDICT_FORK] = "another event stands at the mark: open a new stream",
	};
	struct wire_error w = hwm ? *hwm : (struct wire_error){0};
	w.code = verdict_code(v);
	w.message = messages[v];
	atomic_fetch_add(&c->intake->refused[v], 1);
	say(c, verdict_status(v), &w, NULL);
}

void intake_malformed(struct intake_call *c, int r, const char *text)
{
	if (r == -ENOMEM) {
		intake_busy(c);
		return;
	}
	bool large = r == -EMSGSIZE;
	say(c, large ? 413 : 400, &(struct wire_error){.code = large ? "too-large" : "bad-request", .message = text},
	    NULL);
}

void intake_busy(struct intake_call *c)
{
	atomic_fetch_add(&c->intake->busy, 1);
	say(c, 503, &(struct wire_error){.code = "busy", .message = "too much at once: repeat later"}, retry_after);
}

void intake_fail(struct intake_call *c, const char *what, int r, const char *text)
{
	const struct intake_config *conf = &c->intake->conf;
	if (conf->problem)
		conf->problem(conf->problem_arg, what, r, text, http_request_id(c->q));
	intake_busy(c);
}
