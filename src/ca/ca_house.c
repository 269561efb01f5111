#include "ca_house.h"

#include "file.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LIST = 64 * 1024, NAME_SIZE = 48 };

static const char *const states[] = {
    [CA_SIGNING] = "signing", [CA_TRUSTED] = "trusted", [CA_RETIRED] = "retired", [CA_NEXT] = "next"};

static struct ca_house_generation *find_state(const struct ca_house *h, enum ca_generation_state state)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].state == state)
			return (struct ca_house_generation *)&h->v[i];
	return NULL;
}

static void file_name(char dst[NAME_SIZE], const char *form, int64_t number)
{
	snprintf(dst, NAME_SIZE, "%s-%lld.%s", strcmp(form, "cross") ? "ca" : "cross", (long long)number,
	    strcmp(form, "key") ? "pem" : "key");
}

static int read_cert(const struct ca_house *h, const char *form, int64_t number, X509 **ret, struct err *e)
{
	char name[NAME_SIZE];
	struct buf b = BUF_INIT(MAX_CERT);
	file_name(name, form, number);
	int r = file_read(h->dir_fd, name, &b);
	if (!r)
		r = pki_cert_parse(buf_str(&b), ret, e);
	buf_release(&b);
	if (r)
		err_set(e, r, "%s: %s", name, strerror(-r));
	return r;
}

static int read_key(const struct ca_house *h, int64_t number, X509 *root, struct pki_key **ret, struct err *e)
{
	char name[NAME_SIZE];
	struct buf b = BUF_INIT(PKI_MAX_KEY);
	struct pki_key *k = NULL;
	uint8_t hash[SHA256_BYTES], expected[SHA256_BYTES];
	file_name(name, "key", number);
	int r = file_read(h->dir_fd, name, &b);
	if (!r)
		r = pki_key_read(buf_str(&b), &k, e);
	buf_wipe(&b);
	if (r)
		return err_set(e, r, "%s: %s", name, strerror(-r));
	pki_key_hash(k, hash);
	pki_public_key_hash(X509_get0_pubkey(root), expected);
	if (memcmp(hash, expected, sizeof hash) != 0) {
		pki_key_free(k);
		return err_set(e, -EINVAL, "%s is not the key of its certificate", name);
	}
	*ret = k;
	return 0;
}

static int read_generation(struct ca_house *h, char *line, struct err *e)
{
	char *word = strsep(&line, " ");
	struct ca_house_generation *g = &h->v[h->n];
	if (h->n == CA_HOUSE_MAX || !line || str_i64(word, 1, INT32_MAX, &g->number))
		return err_set(e, -EINVAL, "generations: not understood");
	for (unsigned s = CA_SIGNING; s <= CA_NEXT; s++)
		if (strcmp(states[s], line) == 0)
			g->state = s;
	if (!g->state)
		return err_set(e, -EINVAL, "generations: not understood");
	h->n++; /* what was read of it is freed with the house */
	int r = read_cert(h, "root", g->number, &g->root, e);
	if (!r && read_cert(h, "cross", g->number, &g->cross, NULL))
		g->cross = NULL;
	return r;
}

static int read_list(struct ca_house *h, char *text, struct err *e)
{
	char *line = strsep(&text, "\n");
	int r = strncmp(line, "version ", 8) == 0 ? str_i64(line + 8, 1, INT64_MAX, &h->version) : -EINVAL;
	if (r)
		return err_set(e, r, "generations: not understood");
	while (!r && (line = strsep(&text, "\n")))
		if (*line)
			r = read_generation(h, line, e);
	return r;
}

int ca_house_open(struct ca_house *h, int dir_fd, int64_t seconds, struct err *e)
{
	*h = (struct ca_house){.dir_fd = dir_fd, .seconds = seconds};
	struct buf b = BUF_INIT(MAX_LIST);
	int r = file_read(dir_fd, "generations", &b);
	if (r == -ENOENT)
		goto out;
	if (!r)
		r = buf_add(&b, "", 0);
	if (!r)
		r = read_list(h, b.p, e);
	struct ca_house_generation *g = find_state(h, CA_SIGNING);
	if (!r && !g)
		r = err_set(e, -EINVAL, "generations: none signs");
	if (!r) {
		r = read_key(h, g->number, g->root, &h->key, e);
		if (r == -ENOENT) {
			r = 0;
			if (e)
				*e = (struct err){0};
		}
	}
out:
	buf_release(&b);
	return r;
}

void ca_house_close(struct ca_house *h)
{
	for (size_t i = 0; i < h->n; i++) {
		X509_free(h->v[i].root);
		X509_free(h->v[i].cross);
	}
	pki_key_free(h->key);
	*h = (struct ca_house){.dir_fd = -1};
}

static int write_cert(const struct ca_house *h, const char *form, int64_t number, X509 *c)
{
	char name[NAME_SIZE];
	struct buf b = BUF_INIT(MAX_CERT);
	file_name(name, form, number);
	int r = pki_cert_write(c, &b);
	if (!r)
		r = file_replace(h->dir_fd, name, b.p, b.n, 0644);
	buf_release(&b);
	return r;
}

static int write_key(const struct ca_house *h, int64_t number, const struct pki_key *k)
{
	char name[NAME_SIZE];
	struct buf b = BUF_INIT(PKI_MAX_KEY);
	file_name(name, "key", number);
	int r = pki_key_write(k, &b);
	if (!r)
		r = file_replace(h->dir_fd, name, b.p, b.n, 0600);
	buf_wipe(&b);
	return r;
}

/* The list is what counts: before it is written nothing has changed, afterwards all has. */
static int write_list(const struct ca_house *h)
{
	struct buf b = BUF_INIT(MAX_LIST);
	buf_addf(&b, "version %lld\n", (long long)h->version);
	for (size_t i = 0; i < h->n; i++)
		buf_addf(&b, "%lld %s\n", (long long)h->v[i].number, states[h->v[i].state]);
	int r = b.error ? b.error : file_replace(h->dir_fd, "generations", b.p, b.n, 0644);
	buf_release(&b);
	return r;
}

static int64_t next_number(const struct ca_house *h)
{
	return h->n ? h->v[h->n - 1].number + 1 : 1;
}

static size_t count_living(const struct ca_house *h)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n; i++)
		n += h->v[i].state != CA_RETIRED;
	return n;
}

/* Makes key, certificate and (when there is a key to do it) cross certificate of a new generation, and their files. */
static int make(struct ca_house *h, struct ca_house_generation *ret, struct pki_key **ret_key, struct err *e)
{
	struct ca_house_generation g = {.number = next_number(h)};
	struct ca_house_generation *old = find_state(h, CA_SIGNING);
	struct pki_key *k = NULL;
	if (h->n == CA_HOUSE_MAX || count_living(h) >= CA_MAX_GENERATIONS)
		return err_set(e, -ENOSPC, "too many generations: retire one first");
	int r = pki_key_new(&k);
	if (!r)
		r = ca_issue_root(k, g.number, h->seconds, &g.root);
	if (!r && old && h->key)
		r = ca_issue_cross(&(struct ca_issuer){old->root, h->key}, g.root, &g.cross);
	if (!r)
		r = write_key(h, g.number, k);
	if (!r)
		r = write_cert(h, "root", g.number, g.root);
	if (!r && g.cross)
		r = write_cert(h, "cross", g.number, g.cross);
	if (r) {
		X509_free(g.root);
		X509_free(g.cross);
		pki_key_free(k);
		return err_set(e, r, "a new generation: %s", strerror(-r));
	}
	*ret = g;
	*ret_key = k;
	return 0;
}

/* A key that signs no more is a danger and no use. */
static void forget_key(struct ca_house *h, int64_t number)
{
	char name[NAME_SIZE];
	file_name(name, "key", number);
	unlinkat(h->dir_fd, name, 0);
}

/* Makes the change lasting, or takes it back. */
static int settle(struct ca_house *h, const struct ca_house *before, struct err *e)
{
	h->version++;
	int r = write_list(h);
	if (!r)
		return 0;
	for (size_t i = before->n; i < h->n; i++) {
		X509_free(h->v[i].root);
		X509_free(h->v[i].cross);
	}
	*h = *before;
	return err_set(e, r, "generations: %s", strerror(-r));
}

int ca_house_init(struct ca_house *h, struct err *e)
{
	struct ca_house before = *h;
	struct pki_key *k = NULL;
	if (h->key)
		return err_set(e, -EEXIST, "there is a CA, and its key is here");
	if (find_state(h, CA_NEXT))
		return err_set(e, -EEXIST, "the next generation waits for its rotation");
	int r = make(h, &h->v[h->n], &k, e);
	if (r)
		return r;
	h->v[h->n].state = h->n ? CA_NEXT : CA_SIGNING;
	h->n++;
	r = settle(h, &before, e);
	if (!r && h->n == 1)
		h->key = k;
	else
		pki_key_free(k);
	return r;
}

static int take_next(struct ca_house *h, struct ca_house_generation *next, struct pki_key **ret, struct err *e)
{
	return next ? read_key(h, next->number, next->root, ret, e) : make(h, &h->v[h->n], ret, e);
}

int ca_house_rotate(struct ca_house *h, int64_t *ret_generation, struct err *e)
{
	struct ca_house before = *h;
	struct ca_house_generation *old = find_state(h, CA_SIGNING), *next = find_state(h, CA_NEXT);
	struct pki_key *k = NULL;
	if (!next && !h->key)
		return err_set(e, -ENOKEY, "the CA's key is lost: see docs/ca-recovery.md");
	int r = take_next(h, next, &k, e);
	if (r)
		return r;
	if (!next)
		next = &h->v[h->n++];
	next->state = CA_SIGNING;
	old->state = CA_TRUSTED;
	r = settle(h, &before, e);
	if (r) {
		pki_key_free(k);
		return r;
	}
	pki_key_free(h->key);
	h->key = k;
	forget_key(h, old->number);
	*ret_generation = next->number;
	return 0;
}

int ca_house_retire(struct ca_house *h, int64_t generation, struct err *e)
{
	struct ca_house before = *h;
	for (size_t i = 0; i < h->n; i++) {
		if (h->v[i].number != generation)
			continue;
		if (h->v[i].state == CA_SIGNING || h->v[i].state == CA_NEXT)
			return err_set(e, -EBUSY, "generation %lld signs: rotate first", (long long)generation);
		if (h->v[i].state == CA_RETIRED)
			return 0;
		h->v[i].state = CA_RETIRED;
		return settle(h, &before, e);
	}
	return err_set(e, -EINVAL, "there is no generation %lld", (long long)generation);
}

int ca_house_issuer(const struct ca_house *h, struct ca_issuer *ret, struct err *e)
{
	if (!h->key)
		return err_set(e, -ENOKEY, "the CA's key is lost: see docs/ca-recovery.md");
	*ret = (struct ca_issuer){find_state(h, CA_SIGNING)->root, h->key};
	return 0;
}

/* Behind a server's certificate: the way from the generation that signs back to older ones, whose anchors an agent that
 * was off for long still has; the older roots, which tokens made before a rotation pin; and the root last. A client
 * that builds its chain takes the first issuer that fits, so the cross-signed ones come first. A retired generation's
 * agents may still learn where they are. */
static int add_issuers(const struct ca_house *h, const struct ca_house_generation *signing, struct buf *b)
{
	int r = 0;
	size_t left = MAX_CHAIN - 2, at = (size_t)(signing - h->v);
	for (size_t i = at + 1; !r && left && i-- > 0 && h->v[i].cross; left--)
		r = pki_cert_write(h->v[i].cross, b);
	for (size_t i = at; !r && left && i-- > 0;) {
		if (h->v[i].state != CA_TRUSTED)
			continue;
		r = pki_cert_write(h->v[i].root, b);
		left--;
	}
	return r ? r : pki_cert_write(signing->root, b);
}

int ca_house_trust(const struct ca_house *h, struct ca_trust *ret)
{
	struct ca_house_generation *signing = find_state(h, CA_SIGNING);
	struct buf issuers = BUF_INIT(MAX_ANCHOR_BODY), root = BUF_INIT(MAX_CERT), anchors = BUF_INIT(MAX_ANCHOR_BODY);
	int r = add_issuers(h, signing, &issuers);
	if (!r)
		r = pki_cert_write(signing->root, &root);
	for (size_t i = h->n; !r && i-- > 0;)
		if (h->v[i].state != CA_RETIRED)
			r = pki_cert_write(h->v[i].root, &anchors);
	struct ca_trust t = {.version = h->version, .generation = signing->number};
	t.issuers_pem = buf_steal(&issuers);
	t.root_pem = buf_steal(&root);
	t.anchors_pem = buf_steal(&anchors);
	if (!r && (!t.issuers_pem || !t.root_pem || !t.anchors_pem))
		r = -ENOMEM;
	if (r)
		ca_trust_release(&t);
	else
		*ret = t;
	return r;
}

void ca_house_status(const struct ca_house *h, struct ca_status *ret)
{
	ret->version = h->version;
	ret->n = 0;
	for (size_t i = h->n; i-- > 0 && ret->n < sizeof ret->v / sizeof *ret->v;) {
		struct pki_cert f = {0};
		pki_cert_facts(h->v[i].root, &f);
		struct ca_generation *g = &ret->v[ret->n++];
		*g = (struct ca_generation){h->v[i].number, h->v[i].state, f.not_before, f.not_after, {0}};
		memcpy(g->key_hash, f.key_hash, sizeof g->key_hash);
	}
}
