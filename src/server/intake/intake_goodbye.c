#include "intake_int.h"
#include "identity.h"

struct goodbye_call {
	struct intake_call call;
	enum verdict verdict;
};

static int leave(struct db *db, struct intake_call *c)
{
	return identity_goodbye(db, &c->who, &((struct goodbye_call *)c)->verdict);
}

static void answer(struct intake_call *c)
{
	enum verdict v = ((struct goodbye_call *)c)->verdict;
	struct buf b = BUF_INIT(16);
	if (v != VERDICT_OK) {
		intake_refuse(c, v, NULL);
		return;
	}
	buf_adds(&b, "{}");
	intake_answer(c, &b);
}

void intake_goodbye(struct intake *i, struct http_req *q)
{
	struct goodbye_call *k = intake_call_new(i, q, sizeof *k, NULL);
	struct wire_goodbye said;
	struct err e = {0};
	size_t n;
	if (!k)
		return;
	const char *text = http_body(q, &n);
	int r = wire_get_goodbye(&k->call.arena, text, n, &said, &e);
	if (r)
		intake_malformed(&k->call, r, e.text);
	else
		intake_write(&k->call, leave, answer);
}
