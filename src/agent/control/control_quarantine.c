#include "control_int.h"
#include "ipc_quarantine.h"

#include <errno.h>
#include <string.h>

/* A large file on a slow disk is read, unsealed and written. */
enum { WORK_TIMEOUT_MS = 15 * 60 * 1000 };

/* ---- lists, a message at a time ---- */

static void ask_items_behind(struct buf *m, int64_t taken_us, id16 id)
{
	ipc_begin(m, CONTROL_QUARANTINE_LIST);
	ipc_put_i64(m, taken_us);
	ipc_put_id(m, id);
}

int control_quarantine_list(
    struct control *c, int (*fn)(void *arg, const struct quarantine_item *item), void *arg, struct err *e)
{
	struct ipc_reader r;
	ask_items_behind(&c->request, INT64_MIN, (id16){{0}});
	for (;;) {
		struct quarantine_item item = {0};
		int k = control_ask(c, WORK_TIMEOUT_MS, CONTROL_ITEMS, &r, e);
		if (k || !r.n)
			return k;
		while (!k && r.n) {
			ipc_get_quarantine_item(&r, &item);
			k = r.error ? control_ended(&r, e) : fn(arg, &item);
		}
		if (k)
			return k;
		ask_items_behind(&c->request, item.taken_us, item.id);
	}
}

static void ask_allowed_behind(struct buf *m, const uint8_t sha256[SHA256_BYTES])
{
	ipc_begin(m, CONTROL_ALLOW_LIST);
	ipc_put_fixed(m, sha256, SHA256_BYTES);
}

int control_allow_list(struct control *c, int (*fn)(void *arg, const struct allow_item *item), void *arg, struct err *e)
{
	static const uint8_t none[SHA256_BYTES];
	struct ipc_reader r;
	ask_allowed_behind(&c->request, none);
	for (;;) {
		struct allow_item item = {0};
		int k = control_ask(c, WORK_TIMEOUT_MS, CONTROL_ALLOWED, &r, e);
		if (k || !r.n)
			return k;
		while (!k && r.n) {
			ipc_get_allow_item(&r, &item);
			k = r.error ? control_ended(&r, e) : fn(arg, &item);
		}
		if (k)
			return k;
		ask_allowed_behind(&c->request, item.sha256);
	}
}

/* ---- work ---- */

static int ask_work(struct control *c, struct err *e)
{
	struct ipc_reader r;
	int k = control_ask(c, WORK_TIMEOUT_MS, CONTROL_DONE, &r, e);
	return k ? k : control_ended(&r, e);
}

int control_quarantine_restore(
    struct control *c, id16 id, const char *elsewhere, const struct allow_item *allow, struct err *e)
{
	ipc_begin(&c->request, CONTROL_QUARANTINE_RESTORE);
	ipc_put_id(&c->request, id);
	ipc_put_bytes(&c->request, elsewhere, elsewhere ? strlen(elsewhere) : 0);
	ipc_put_bool(&c->request, allow != NULL);
	ipc_put_i64(&c->request, allow ? allow->until_us : 0);
	ipc_put_text(&c->request, allow ? allow->reason : "");
	return ask_work(c, e);
}

int control_quarantine_delete(struct control *c, id16 id, struct err *e)
{
	ipc_begin(&c->request, CONTROL_QUARANTINE_DELETE);
	ipc_put_id(&c->request, id);
	return ask_work(c, e);
}

int control_allow_add(struct control *c, const struct allow_item *item, struct err *e)
{
	ipc_begin(&c->request, CONTROL_ALLOW_ADD);
	ipc_put_fixed(&c->request, item->sha256, sizeof item->sha256);
	ipc_put_i64(&c->request, item->until_us);
	ipc_put_text(&c->request, item->reason);
	return ask_work(c, e);
}

int control_allow_remove(struct control *c, const uint8_t sha256[SHA256_BYTES], struct err *e)
{
	ipc_begin(&c->request, CONTROL_ALLOW_REMOVE);
	ipc_put_fixed(&c->request, sha256, SHA256_BYTES);
	return ask_work(c, e);
}
