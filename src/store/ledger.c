#include "ledger.h"

#include "clock.h"

#include <endian.h>
#include <openssl/evp.h>

int ledger_begin(struct db *db, struct ledger_entry *ret)
{
	struct ledger_entry l = {.real_at = clock_real_us()};
	int r = db_row(db,
	    "update head set rev=rev+1, recorded_at=case when recorded_at<$1 then $1 else recorded_at end "
	    "where id=1 returning rev, recorded_at, hash",
	    "i", clock_business_us(), "iib", &l.rev, &l.recorded_at, l.prev, sizeof l.prev);
	if (r)
		return r;
	db_owe(db, true);
	*ret = l;
	return 0;
}

/* What the hash of an entry covers, in this order: numbers as 8 bytes, texts behind their length. */
struct covered {
	int64_t rev, recorded_at, real_at, node_id;
	const char *text[5]; /* actor, request, action, object, detail */
	const uint8_t *prev;
};

static void add_number(EVP_MD_CTX *ctx, int64_t v, bool *ok)
{
	uint64_t bytes = htobe64((uint64_t)v);
	*ok = *ok && EVP_DigestUpdate(ctx, &bytes, sizeof bytes);
}

static int hash_entry(const struct covered *c, uint8_t hash[SHA256_BYTES])
{
	static const char domain[] = "khien-audit-1";
	const int64_t numbers[] = {c->rev, c->recorded_at, c->real_at, c->node_id};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) && EVP_DigestUpdate(ctx, domain, sizeof domain);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		add_number(ctx, numbers[i], &ok);
	for (size_t i = 0; i < sizeof c->text / sizeof c->text[0]; i++) {
		size_t n = strlen(c->text[i]);
		add_number(ctx, (int64_t)n, &ok);
		ok = ok && EVP_DigestUpdate(ctx, c->text[i], n);
	}
	ok = ok && EVP_DigestUpdate(ctx, c->prev, SHA256_BYTES) && EVP_DigestFinal_ex(ctx, hash, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

int ledger_end(struct db *db, const struct ledger_entry *l, const struct ledger_who *who, const char *action,
    const char *object, int64_t node_id, const char *detail)
{
	struct covered c = {
	    l->rev, l->recorded_at, l->real_at, node_id, {who->actor, who->request, action, object, detail}, l->prev};
	uint8_t hash[SHA256_BYTES];
	int64_t changed = 0;
	int r = hash_entry(&c, hash);
	if (!r)
		r = db_exec(db, NULL,
		    "insert into audit(rev, recorded_at, real_at, actor, request, action, object, node_id, detail, "
		    "prev, "
		    "hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		    "iiittttitbb", l->rev, l->recorded_at, l->real_at, who->actor, who->request, action, object,
		    node_id, detail, (const void *)l->prev, sizeof l->prev, (const void *)hash, sizeof hash);
	if (!r)
		r = db_exec(db, &changed, "update head set hash=$1 where id=1 and rev=$2", "bi", (const void *)hash,
		    sizeof hash, l->rev);
	if (!r && changed != 1) /* another entry was begun inside this one */
		r = -EPROTO;
	if (!r)
		db_owe(db, false);
	return r;
}

int ledger_rev_at(struct db *db, int64_t known_at, int64_t *ret_rev)
{
	int r = db_row(db, "select rev from audit where recorded_at<=$1 order by recorded_at desc, rev desc limit 1",
	    "i", known_at, "i", ret_rev);
	if (r == -ENOENT)
		*ret_rev = 0;
	return r == -ENOENT ? 0 : r;
}

/* Where the verification stands: the last entry that fits. */
struct chain {
	int64_t rev, recorded_at;
	uint8_t hash[SHA256_BYTES];
};

static bool hash_is(struct db_rows *rows, int column, const uint8_t hash[SHA256_BYTES])
{
	size_t n;
	const void *p = db_blob(rows, column, &n);
	return p && n == SHA256_BYTES && memcmp(p, hash, n) == 0;
}

static int check_entry(struct chain *at, struct db_rows *rows)
{
	struct covered c = {db_i64(rows, 0), db_i64(rows, 1), db_i64(rows, 2), db_i64(rows, 3),
	    {db_text(rows, 4), db_text(rows, 5), db_text(rows, 6), db_text(rows, 7), db_text(rows, 8)}, at->hash};
	uint8_t hash[SHA256_BYTES];
	int r = hash_entry(&c, hash);
	if (r)
		return r;
	bool fits = c.rev == at->rev + 1 && c.recorded_at >= at->recorded_at && hash_is(rows, 9, at->hash) &&
	            hash_is(rows, 10, hash);
	if (!fits)
		return -EBADMSG;
	at->rev = c.rev;
	at->recorded_at = c.recorded_at;
	memcpy(at->hash, hash, sizeof hash);
	return 0;
}

/* 1: more may follow. */
static int check_page(struct db *db, struct chain *at)
{
	enum { PAGE = 1000 };
	struct db_rows *rows;
	int n = 0;
	int r = db_query(db, &rows,
	    "select rev, recorded_at, real_at, node_id, actor, request, action, object, detail, prev, hash "
	    "from audit where rev>$1 order by rev limit $2",
	    "ii", at->rev, (int64_t)PAGE);
	for (; !r && db_next(rows); n++)
		r = check_entry(at, rows);
	int ended = db_done(rows);
	return r ? r : ended ? ended : n == PAGE;
}

int ledger_verify(struct db *db, int64_t *ret_rev)
{
	struct chain at = {0}, head = {0};
	int r;
	do
		r = check_page(db, &at);
	while (r == 1);
	if (!r)
		r = db_row(db, "select rev, recorded_at, hash from head where id=1", "", "iib", &head.rev,
		    &head.recorded_at, head.hash, sizeof head.hash);
	if (!r && memcmp(&at, &head, sizeof at) != 0)
		r = -EBADMSG;
	if (r == -EBADMSG)
		*ret_rev = at.rev + 1;
	return r;
}

int export_positions(struct db *db, int64_t n, int64_t *ret_first)
{
	int64_t last = 0;
	int r = db_row(db, "update export_head set pos=pos+$1 where id=1 returning pos", "i", n, "i", &last);
	if (!r)
		*ret_first = last - n + 1;
	return r;
}
