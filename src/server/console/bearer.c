#include "bearer.h"

#include "clock.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>

static const char *const prefixes[] = {[BEARER_SESSION] = "khs_", [BEARER_TOKEN] = "kht_"};

int bearer_digest(const char *text, uint8_t ret[BEARER_HASH])
{
	size_t n = strlen(text);

	if (n != BEARER_TEXT - 1)
		return -EINVAL;
	crypto_generichash(ret, BEARER_HASH, (const uint8_t *)text, n, NULL, 0);
	return 0;
}

void bearer_csrf(const char *text, char ret[CSRF_TEXT])
{
	static const char purpose[] = "khien-csrf-1";
	uint8_t digest[32];

	crypto_generichash(digest, sizeof digest, (const uint8_t *)purpose, sizeof purpose - 1,
	    (const uint8_t *)text + 4, crypto_generichash_KEYBYTES_MAX);
	hex_encode(ret, digest, sizeof digest);
}

int bearer_make(struct db *db, const struct bearer_wish *w, char ret_text[BEARER_TEXT], int64_t *ret_id)
{
	int64_t now = clock_real_us();
	uint8_t hash[BEARER_HASH];
	char text[BEARER_TEXT];
	int r;

	memcpy(text, prefixes[w->kind], 4);
	rnd_hex(text + 4, 32);
	r = bearer_digest(text, hash);
	if (!r)
		r = db_row(db,
		    "insert into bearer(hash, account_id, kind, label, may, node_id, created_real, expires_real, ended)"
		    " values ($1, $2, $3, $4, $5, $6, $7, $8, 0) returning id",
		    "biitiiii", hash, sizeof hash, w->account_id, (int64_t)w->kind, w->label, (int64_t)w->may,
		    w->node_id, now, now + w->lifetime_s * US_PER_S, "i", ret_id);
	if (!r)
		memcpy(ret_text, text, sizeof text);
	return r;
}

int bearer_end(struct db *db, int64_t account_id, int64_t id)
{
	int64_t changed = 0;
	int r = db_exec(db, &changed, "update bearer set ended = 1 where id = $1 and account_id = $2 and ended = 0",
	    "ii", id, account_id);

	return r ? r : changed ? 0 : -ENOENT;
}

int bearer_end_all(struct db *db, int64_t account_id, const uint8_t *keep)
{
	static const uint8_t none[BEARER_HASH];

	return db_exec(db, NULL, "update bearer set ended = 1 where account_id = $1 and ended = 0 and hash <> $2", "ib",
	    account_id, keep ? keep : none, sizeof none);
}
