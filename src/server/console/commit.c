#include "commit.h"

#include "clock.h"
#include "str.h"

#include <sodium.h>
#include <stdarg.h>

/* Long enough for a script that tries again after a night, short enough that the table stays small. */
#define REPEAT_KEPT_US (INT64_C(86400) * US_PER_S)
enum { MAX_REPEAT_KEY = 128, MAX_REPEAT_ANSWER = 64 * 1024 };

int commit_entry(struct call *c, const char *action, int64_t node_id, json_t *detail, const char *object, ...)
{
	va_list ap;

	free(c->entry.detail);
	c->entry.detail = detail ? json_dumps(detail, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(detail);
	c->entry.node_id = node_id;
	(void)snprintf(c->entry.action, sizeof c->entry.action, "%s", action);
	va_start(ap, object);
	(void)vsnprintf(c->entry.object, sizeof c->entry.object, object, ap);
	va_end(ap);
	return c->entry.detail ? 0 : -ENOMEM;
}

/* What the call is, so that a key cannot stand before two different ones. */
static void digest(const struct call *c, uint8_t ret[32])
{
	crypto_generichash_state h;
	size_t n;
	const void *body = http_body(c->req, &n);
	const char *parts[] = {c->route->method, http_path(c->req), http_query(c->req)};

	crypto_generichash_init(&h, NULL, 0, 32);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		crypto_generichash_update(&h, (const uint8_t *)parts[i], strlen(parts[i]) + 1);
	crypto_generichash_update(&h, body, n);
	crypto_generichash_final(&h, ret, 32);
}

static int repeat_key(struct call *c, const char **ret)
{
	const char *key = http_header(c->req, "Idempotency-Key");
	size_t n = key ? strlen(key) : 0;

	*ret = NULL;
	if (!key)
		return 0;
	if (c->route->flags & ROUTE_SECRET || c->route->need == MAY_ANYONE)
		return call_refuse(c, PROBLEM_INVALID, "Idempotency-Key", "not here: nothing of a secret is kept");
	if (n < 8 || n > MAX_REPEAT_KEY)
		return call_refuse(
		    c, PROBLEM_INVALID, "Idempotency-Key", "8 to %d printable characters", MAX_REPEAT_KEY);
	for (size_t i = 0; i < n; i++)
		if (key[i] < 0x21 || key[i] > 0x7e)
			return call_refuse(
			    c, PROBLEM_INVALID, "Idempotency-Key", "8 to %d printable characters", MAX_REPEAT_KEY);
	*ret = key;
	return 0;
}

/* 0: answered as before. -ENOENT: the key is new. */
static int answer_again(struct db *db, struct call *c, const char *key)
{
	uint8_t now[32], then[32];
	struct buf b = BUF_INIT(MAX_REPEAT_ANSWER);
	char *text = NULL;
	int64_t status;
	int r = db_row(db,
	    "select digest, status, body from repeat_answer where account_id = $1 and key = $2 and real_at > $3", "iti",
	    c->subject.account_id, key, clock_real_us() - REPEAT_KEPT_US, "bit", then, sizeof then, &status, &text);

	if (r)
		return r;
	digest(c, now);
	if (!mem_equal_ct(now, then, sizeof now))
		r = call_refuse(c, PROBLEM_KEY_REUSED, "Idempotency-Key", NULL);
	else if (buf_adds(&b, text))
		r = b.error;
	else
		r = call_text(c, (int)status, status == 204 ? NULL : "application/json", &b);
	c->query_read = c->body_read = true;
	buf_release(&b);
	free(text);
	return r;
}

static int keep_answer(struct db *db, struct call *c, const char *key)
{
	int64_t now = clock_real_us();
	uint8_t d[32];
	int r;

	if (c->answer.n > MAX_REPEAT_ANSWER)
		return -EMSGSIZE;
	digest(c, d);
	r = db_exec(db, NULL, "delete from repeat_answer where real_at <= $1", "i", now - REPEAT_KEPT_US);
	if (!r)
		r = db_exec(db, NULL,
		    "insert into repeat_answer(account_id, key, digest, status, body, real_at) values ($1, $2, $3, $4, "
		    "$5, $6)",
		    "itbiti", c->subject.account_id, key, d, sizeof d, (int64_t)c->answer.status,
		    c->answer.body ? c->answer.body : "", now);
	return r;
}

static int run_with_entry(struct db *db, struct call *c)
{
	int r;

	if (c->route->flags & ROUTE_OWN_COMMIT)
		return c->route->run(db, c);
	r = ledger_begin(db, &c->ledger);
	if (!r)
		r = c->route->run(db, c);
	if (!r && !c->entry.detail)
		r = -EPROTO;
	if (!r)
		r = ledger_end(
		    db, &c->ledger, &c->who, c->entry.action, c->entry.object, c->entry.node_id, c->entry.detail);
	return r;
}

int commit_run(struct db *db, struct call *c)
{
	const char *key;
	int r = repeat_key(c, &key);

	free(c->entry.detail);
	c->entry.detail = NULL;
	if (!r && key) {
		r = answer_again(db, c, key);
		if (r != -ENOENT)
			return r;
		r = 0;
	}
	if (!r)
		r = run_with_entry(db, c);
	if (!r && key)
		r = keep_answer(db, c, key);
	return r;
}
