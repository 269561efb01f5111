#include "link_store.h"
#include "file.h"
#include "ipc.h"
#include "str.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_TYPE = 1,
	MAX_CREDENTIALS = PKI_MAX_KEY + MAX_CERT,
	MAX_ANCHORS_FILE = MAX_ANCHORS * (MAX_ANCHOR_BODY + 128),
	MAX_STATE = 512
};

/* ---- files with a sum behind them ---- */

static int save_summed(int folder, const char *name, struct buf *b)
{
	if (b->error)
		return b->error;
	id16 sum = wire_hash(b->p, b->n);
	int r = buf_add(b, sum.b, sizeof sum.b);
	return r ? r : file_replace(folder, name, b->p, b->n, 0600);
}

static int load_summed(int folder, const char *name, struct buf *b, struct ipc_reader *ret)
{
	uint16_t type;
	int r = file_read(folder, name, b);
	if (r)
		return r == -EMSGSIZE ? -EBADMSG : r;
	if (b->n < ID_BYTES)
		return -EBADMSG;
	id16 sum = wire_hash(b->p, b->n - ID_BYTES);
	if (memcmp(sum.b, b->p + b->n - ID_BYTES, ID_BYTES) != 0)
		return -EBADMSG;
	r = ipc_open(ret, b->p, b->n - ID_BYTES, &type);
	return r ? r : type == FILE_TYPE ? 0 : -EBADMSG;
}

/* ---- credentials ---- */

static const char *const credentials_names[] = {
    [PLACE_IN_USE] = "credentials",
    [PLACE_ENROLLING] = "enrolling-key",
    [PLACE_RENEWING] = "renewing-key",
};

void credentials_release(struct credentials *c)
{
	pki_key_free(c->key);
	buf_wipe(&c->key_pem);
	free(c->cert_pem);
	*c = (struct credentials){.key_pem = BUF_INIT(PKI_MAX_KEY)};
}

static int read_certificate(struct credentials *c, struct err *e)
{
	int r = pki_cert_read(c->cert_pem, &c->cert, e);
	if (!r && !pki_cert_fits(c->cert_pem, c->key))
		r = err_set(e, -EINVAL, "the certificate is not for our key");
	return r;
}

/* The file: the key's PEM, then the certificate's, where there is one. */
static int parse_credentials(struct buf *b, enum credentials_place place, struct credentials *ret, struct err *e)
{
	static const char certificate[] = "-----BEGIN CERTIFICATE-----";
	struct credentials c = {.key_pem = BUF_INIT(PKI_MAX_KEY)};
	char *cert = strstr(b->p, certificate);
	size_t key_n = cert ? (size_t)(cert - b->p) : b->n;
	buf_reserve(&c.key_pem, PKI_MAX_KEY);
	buf_add(&c.key_pem, b->p, key_n);
	int r = c.key_pem.error ? c.key_pem.error : pki_key_read(buf_str(&c.key_pem), &c.key, e);
	if (!r && place == PLACE_IN_USE) {
		c.cert_pem = cert ? strdup(cert) : NULL;
		r = c.cert_pem ? read_certificate(&c, e) : -EBADMSG;
	}
	if (r) {
		credentials_release(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int credentials_load(int folder, enum credentials_place place, struct credentials *ret, struct err *e)
{
	struct buf b = BUF_INIT(MAX_CREDENTIALS);
	buf_reserve(&b, MAX_CREDENTIALS);
	int r = file_read(folder, credentials_names[place], &b);
	if (!r)
		r = parse_credentials(&b, place, ret, e);
	buf_wipe(&b);
	return r;
}

static int make_key(int folder, enum credentials_place place, struct credentials *ret)
{
	struct credentials c = {.key_pem = BUF_INIT(PKI_MAX_KEY)};
	buf_reserve(&c.key_pem, PKI_MAX_KEY);
	int r = pki_key_new(&c.key);
	if (!r)
		r = pki_key_write(c.key, &c.key_pem);
	if (!r)
		r = file_replace(folder, credentials_names[place], c.key_pem.p, c.key_pem.n, 0600);
	if (r)
		credentials_release(&c);
	else
		*ret = c;
	return r;
}

int credentials_begin(int folder, enum credentials_place place, struct credentials *ret, struct err *e)
{
	int r = credentials_load(folder, place, ret, e);
	if (r == -ENOENT || r == -EINVAL || r == -EBADMSG) /* a broken one was never a certificate's */
		r = make_key(folder, place, ret);
	return r ? err_set(e, r, "a key cannot be kept: %s", strerror(-r)) : 0;
}

int credentials_accept(
    int folder, enum credentials_place place, const struct credentials *c, const char *cert_pem, struct err *e)
{
	struct buf b = BUF_INIT(MAX_CREDENTIALS);
	if (!pki_cert_fits(cert_pem, c->key))
		return err_set(e, -EINVAL, "the certificate that came is not for our key");
	buf_reserve(&b, MAX_CREDENTIALS);
	buf_add(&b, c->key_pem.p, c->key_pem.n);
	buf_adds(&b, cert_pem);
	int r = b.error ? b.error : file_replace(folder, credentials_names[PLACE_IN_USE], b.p, b.n, 0600);
	buf_wipe(&b);
	if (r)
		return err_set(e, r, "the certificate cannot be kept: %s", strerror(-r));
	credentials_drop(folder, place);
	return 0;
}

void credentials_drop(int folder, enum credentials_place place)
{
	unlinkat(folder, credentials_names[place], 0);
}

/* ---- anchors ---- */

const char *anchors_body(const struct anchors *v, const char *purpose)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i].purpose, purpose) == 0)
			return v->v[i].body;
	return NULL;
}

/* The file: i64 version, u8 n, n × (text purpose, text body). Reader below. */
int anchors_save(int folder, const struct anchors *v, struct err *e)
{
	const char *ours = anchors_body(v, "agents-ca");
	size_t n = 0;
	if (!ours || pki_bundle_check(ours, &n, NULL) || !n)
		return err_set(e, -EINVAL, "the anchors that came have no certificates for agents-ca");
	struct buf b = BUF_INIT(MAX_ANCHORS_FILE);
	ipc_begin(&b, FILE_TYPE);
	ipc_put_i64(&b, v->version);
	ipc_put_u8(&b, (uint8_t)v->n);
	for (size_t i = 0; i < v->n; i++) {
		ipc_put_text(&b, v->v[i].purpose);
		ipc_put_text(&b, v->v[i].body);
	}
	int r = save_summed(folder, "anchors", &b);
	buf_release(&b);
	return r ? err_set(e, r, "the anchors cannot be kept: %s", strerror(-r)) : 0;
}

int anchors_load(int folder, struct arena *a, struct anchors *ret)
{
	struct buf b = BUF_INIT(MAX_ANCHORS_FILE);
	struct ipc_reader in;
	struct anchors v = {0};
	int r = load_summed(folder, "anchors", &b, &in);
	if (!r) {
		v.version = ipc_get_i64(&in);
		v.n = ipc_get_enum(&in, MAX_ANCHORS + 1);
		for (size_t i = 0; i < v.n; i++) {
			v.v[i].purpose = arena_text(a, ipc_get_text(&in, MAX_TEXT));
			v.v[i].body = arena_text(a, ipc_get_text(&in, MAX_ANCHOR_BODY));
			if (!v.v[i].purpose || !v.v[i].body)
				r = -ENOMEM;
		}
	}
	if (!r)
		r = ipc_end(&in);
	buf_release(&b);
	if (!r)
		*ret = v;
	return r;
}

/* ---- syncs ---- */

int sync_state_save(int folder, const struct sync_state *s)
{
	struct buf b = BUF_INIT(MAX_STATE);
	ipc_begin(&b, FILE_TYPE);
	ipc_put_id(&b, s->machine);
	ipc_put_bool(&b, s->has_branch);
	ipc_put_id(&b, s->branch);
	ipc_put_i64(&b, s->counter);
	ipc_put_id(&b, s->nonce);
	ipc_put_text(&b, s->epoch);
	ipc_put_i64(&b, s->floor_us);
	ipc_put_i64(&b, s->task_seen);
	int r = save_summed(folder, "sync", &b);
	buf_release(&b);
	return r;
}

static int parse_state(struct ipc_reader *in, struct sync_state *s)
{
	s->machine = ipc_get_id(in);
	s->has_branch = ipc_get_bool(in);
	s->branch = ipc_get_id(in);
	s->counter = ipc_get_i64(in);
	s->nonce = ipc_get_id(in);
	str_copy(s->epoch, sizeof s->epoch, ipc_get_text(in, ID_TEXT - 1));
	s->floor_us = ipc_get_i64(in);
	s->task_seen = ipc_get_i64(in);
	return ipc_end(in);
}

int sync_state_load(int folder, struct sync_state *ret)
{
	struct buf b = BUF_INIT(MAX_STATE);
	struct ipc_reader in;
	struct sync_state s = {0};
	int r = load_summed(folder, "sync", &b, &in);
	if (!r)
		r = parse_state(&in, &s);
	buf_release(&b);
	if (r && r != -ENOENT && r != -EBADMSG)
		return r;
	*ret = r ? (struct sync_state){0} : s;
	return 0;
}
