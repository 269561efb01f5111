#include "trust.h"
#include "anchor.h"
#include "ca_client.h"
#include "clock.h"
#include "ledger.h"
#include "log.h"
#include "material.h"
#include "pki.h"
#include "str.h"

#include <pthread.h>

enum { CA_TIMEOUT_MS = 10000, LOOK_S = 1, COMPLAIN_S = 60 };

struct trust {
	struct trust_config conf;
	struct http_server *http;
	/* work: one at a time speaks to khien-ca and makes new material. lock: what others read. Taken in this order.
	 */
	pthread_mutex_t work, lock;
	struct ca_client *ca;
	int64_t version; /* of the CA's trust that was last taken over; -1: none */
	bool published;  /* the store has these anchors */
	struct material m;
	struct pki_cert certificate;
	struct buf chain;
	uint8_t pin[SHA256_BYTES];

	pthread_t thread;
	pthread_cond_t wake;
	bool running, ends;
	int64_t complained_us;
};

static const struct ledger_who system_itself = {.actor = "system", .request = ""};

int trust_new(struct trust **ret, const struct trust_config *c)
{
	struct trust *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->conf = *c;
	t->version = -1;
	t->chain = BUF_INIT(1 << 20);
	pthread_mutex_init(&t->work, NULL);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_t a;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &a);
	pthread_condattr_destroy(&a);
	int r = ca_client_new(c->ca_socket, CA_TIMEOUT_MS, &t->ca);
	if (r)
		trust_free(t);
	else
		*ret = t;
	return r;
}

/* Renewed when two thirds of its time are over. */
static bool fresh(const struct pki_cert *c)
{
	return clock_real_us() < c->not_before + (c->not_after - c->not_before) / 3 * 2;
}

/* Takes the material over if it fits together. */
static int adopt(struct trust *t, struct material *m, struct err *e)
{
	struct pki_cert certificate, root;
	struct pki_key *key = NULL;
	int r = pki_cert_read(m->part[MATERIAL_CERTIFICATE], &certificate, e);
	if (!r)
		r = pki_cert_read(m->part[MATERIAL_ROOT], &root, e);
	if (!r)
		r = pki_key_read(m->part[MATERIAL_KEY], &key, e);
	if (!r && !pki_cert_fits(m->part[MATERIAL_CERTIFICATE], key))
		r = err_set(e, -EINVAL, "the server's certificate is not its key's");
	pki_key_free(key);
	if (r)
		return r;
	pthread_mutex_lock(&t->lock);
	material_release(&t->m);
	t->m = *m;
	t->certificate = certificate;
	memcpy(t->pin, root.key_hash, sizeof t->pin);
	buf_clear(&t->chain);
	buf_adds(&t->chain, m->part[MATERIAL_CERTIFICATE]);
	buf_adds(&t->chain, m->part[MATERIAL_ISSUERS]);
	pthread_mutex_unlock(&t->lock);
	*m = (struct material){0};
	return t->chain.error;
}

static char *number_text(int64_t v)
{
	char s[24];
	snprintf(s, sizeof s, "%lld", (long long)v);
	return strdup(s);
}

/* A new key, each time: nobody is helped by an old one. */
static int make(struct trust *t, const struct ca_trust *ca, struct material *ret, struct err *e)
{
	struct buf key_pem = BUF_INIT(PKI_MAX_KEY), csr = BUF_INIT(MAX_CSR);
	struct pki_key *key = NULL;
	struct material m = {0};
	int r = pki_key_new(&key);
	if (!r)
		r = pki_key_write(key, &key_pem);
	if (!r)
		r = pki_csr_make(key, "", &csr);
	if (!r)
		r = ca_sign_server(t->ca, buf_str(&csr), t->conf.names, &m.part[MATERIAL_CERTIFICATE], e);
	if (r)
		goto out;
	m.part[MATERIAL_NAMES] = strdup(t->conf.names);
	m.part[MATERIAL_GENERATION] = number_text(ca->generation);
	m.part[MATERIAL_KEY] = strdup(buf_str(&key_pem));
	m.part[MATERIAL_ISSUERS] = strdup(ca->issuers_pem);
	m.part[MATERIAL_ROOT] = strdup(ca->root_pem);
	m.part[MATERIAL_ANCHORS] = strdup(ca->anchors_pem);
	for (int i = 0; i < MATERIAL_PARTS; i++)
		if (!m.part[i])
			r = -ENOMEM;
out:
	pki_key_free(key);
	buf_wipe(&key_pem);
	buf_release(&csr);
	if (r)
		material_release(&m);
	else
		*ret = m;
	return r;
}

static int set_anchors(struct db *db, void *arg)
{
	return anchor_set(db, &system_itself, "agents-ca", arg);
}

/* What the store and the listeners must know. An agent's new certificate may come to any listener, and agents must have
 * the new anchors before they meet a server that shows nothing else. */
static int publish(struct trust *t, struct err *e)
{
	int r = 0;
	if (!t->published)
		r = store_write_now(t->conf.store, set_anchors, t->m.part[MATERIAL_ANCHORS]);
	if (r)
		return err_set(e, r, "anchors into the store: %s", strerror(-r));
	t->published = true;
	if (t->http) {
		struct http_tls tls = trust_tls(t);
		r = http_set_tls(t->http, &tls, e);
		trust_tls_done(t);
	}
	return r;
}

static bool usable(const struct trust *t)
{
	return t->m.part[MATERIAL_KEY] && str_eq(t->m.part[MATERIAL_NAMES], t->conf.names);
}

static bool signed_by(const struct trust *t, int64_t generation)
{
	int64_t v;
	return !str_i64(t->m.part[MATERIAL_GENERATION], 0, INT64_MAX, &v) && v == generation;
}

static int replace_part(char **part, const char *text)
{
	char *fresh_text = strdup(text);
	if (!fresh_text)
		return -ENOMEM;
	free(*part);
	*part = fresh_text;
	return 0;
}

static int copy(const struct material *m, const struct ca_trust *ca, struct material *ret)
{
	struct material c = {0};
	int r = 0;
	for (int i = 0; !r && i < MATERIAL_PARTS; i++)
		if (!(c.part[i] = strdup(m->part[i])))
			r = -ENOMEM;
	if (!r)
		r = replace_part(&c.part[MATERIAL_ISSUERS], ca->issuers_pem);
	if (!r)
		r = replace_part(&c.part[MATERIAL_ROOT], ca->root_pem);
	if (!r)
		r = replace_part(&c.part[MATERIAL_ANCHORS], ca->anchors_pem);
	if (r)
		material_release(&c);
	else
		*ret = c;
	return r;
}

/* Brings the material to what khien-ca says now. Under `work`. */
static int refresh(struct trust *t, bool force, struct err *e)
{
	struct ca_trust ca = {0};
	bool due = force || !usable(t) || !fresh(&t->certificate);
	int changed = ca_get_trust(t->ca, due ? -1 : t->version, &ca, e);
	if (changed < 0)
		return changed;
	if (!changed)
		return t->published ? 0 : publish(t, e);
	struct material m = {0};
	int r = due || !signed_by(t, ca.generation) ? make(t, &ca, &m, e) : copy(&t->m, &ca, &m);
	if (!r)
		r = material_write(t->conf.state_fd, &m);
	if (!r)
		r = adopt(t, &m, e);
	if (!r) {
		t->version = ca.version;
		t->published = false;
		r = publish(t, e);
	}
	material_release(&m);
	ca_trust_release(&ca);
	return r;
}

static bool ca_is_away(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -EPIPE || r == -ETIMEDOUT || r == -ECONNRESET;
}

static int read_file(struct trust *t, struct err *e)
{
	struct material m = {0};
	int r = material_read(t->conf.state_fd, &m);
	r = r ? err_set(e, r, "server.tls: %s", strerror(-r)) : adopt(t, &m, e);
	material_release(&m);
	return r;
}

int trust_prepare(struct trust *t, struct err *e)
{
	pthread_mutex_lock(&t->work);
	if (!t->m.part[MATERIAL_KEY])
		(void)read_file(t, NULL); /* what is missing or broken is made anew */
	int r = refresh(t, false, e);
	if (ca_is_away(r))
		r = usable(t) && clock_real_us() < t->certificate.not_after ? 0 : -EAGAIN;
	pthread_mutex_unlock(&t->work);
	return r;
}

struct http_tls trust_tls(struct trust *t)
{
	pthread_mutex_lock(&t->lock);
	return (struct http_tls){.chain_pem = buf_str(&t->chain),
	    .key_pem = t->m.part[MATERIAL_KEY],
	    .client_cas_pem = t->m.part[MATERIAL_ANCHORS]};
}

void trust_tls_done(struct trust *t)
{
	pthread_mutex_unlock(&t->lock);
}

static void look(struct trust *t)
{
	struct err e = {0};
	pthread_mutex_lock(&t->work);
	int64_t before = t->version;
	int r = refresh(t, false, &e);
	if (!r && t->version != before)
		log_info("trust of khien-ca taken over", "version", log_num(t->version), NULL);
	int64_t now = clock_mono_us();
	if (r && (!t->complained_us || now - t->complained_us > COMPLAIN_S * US_PER_S)) {
		t->complained_us = now;
		log_warn("trust cannot be renewed", "error", log_num(r), "why", e.text, NULL);
	}
	pthread_mutex_unlock(&t->work);
}

static bool wait(struct trust *t)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_S;
	pthread_mutex_lock(&t->lock);
	int r = 0;
	while (!t->ends && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&t->wake, &t->lock, &until);
	bool goes_on = !t->ends;
	pthread_mutex_unlock(&t->lock);
	return goes_on;
}

static void *run(void *arg)
{
	struct trust *t = arg;
	while (wait(t))
		look(t);
	return NULL;
}

int trust_follow(struct trust *t, struct http_server *s)
{
	t->http = s;
	int r = -pthread_create(&t->thread, NULL, run, t);
	t->running = !r;
	return r;
}

void trust_look(struct trust *t)
{
	struct err e = {0};
	pthread_mutex_lock(&t->work);
	int r = read_file(t, &e);
	if (!r)
		r = publish(t, &e);
	pthread_mutex_unlock(&t->work);
	if (r)
		log_warn("key and chain cannot be read anew", "error", log_num(-r), "why", e.text, NULL);
	else
		log_info("key and chain read anew", NULL);
	look(t);
}

void trust_stop(struct trust *t)
{
	pthread_mutex_lock(&t->lock);
	t->ends = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	if (t->running)
		pthread_join(t->thread, NULL);
	t->running = false;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	trust_stop(t);
	material_release(&t->m);
	buf_release(&t->chain);
	ca_client_free(t->ca);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->work);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int trust_pin(struct trust *t, uint8_t ret[32])
{
	pthread_mutex_lock(&t->lock);
	memcpy(ret, t->pin, SHA256_BYTES);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

int trust_status(struct trust *t, struct buf *ret_json)
{
	char pin[2 * SHA256_BYTES + 1], serial[2 * PKI_SERIAL_MAX + 1];
	pthread_mutex_lock(&t->work); /* the version is its */
	pthread_mutex_lock(&t->lock);
	hex_encode(pin, t->pin, sizeof t->pin);
	hex_encode(serial, t->certificate.serial, t->certificate.serial_n);
	buf_addf(ret_json,
	    "{\"ca\":{\"generation\":%s,\"pin\":\"%s\",\"version\":%lld},\"server\":{\"not_after_us\":%lld,"
	    "\"not_before_us\":%lld,\"serial\":\"%s\"}}",
	    t->m.part[MATERIAL_GENERATION], pin, (long long)t->version, (long long)t->certificate.not_after,
	    (long long)t->certificate.not_before, serial);
	pthread_mutex_unlock(&t->lock);
	pthread_mutex_unlock(&t->work);
	return ret_json->error;
}

struct rotation {
	struct ledger_who who;
	const char *what;
	char detail[128];
};

static int note(struct db *db, void *arg)
{
	const struct rotation *x = arg;
	struct ledger_entry l;
	int r = ledger_begin(db, &l);
	return r ? r : ledger_end(db, &l, &x->who, "trust.rotate", x->what, NODE_PROVINCE, x->detail);
}

int trust_rotate(struct trust *t, const char *what, const char *actor, const char *request, struct err *e)
{
	struct rotation x = {.who = {.actor = actor, .request = request}, .what = what};
	int64_t generation = 0;
	bool ca = !strcmp(what, "ca");
	pthread_mutex_lock(&t->work);
	int r = ca ? ca_rotate(t->ca, &generation, e) : 0;
	if (r == -EACCES)
		err_wrap(e, "khien-ca makes a new CA for root alone: khien ca rotate ca, on its own host, with "
		            "ca_socket in cli.conf");
	if (!r)
		r = refresh(t, !ca, e);
	char serial[2 * PKI_SERIAL_MAX + 1];
	hex_encode(serial, t->certificate.serial, t->certificate.serial_n);
	pthread_mutex_unlock(&t->work);
	if (r)
		return r;
	snprintf(x.detail, sizeof x.detail, "{\"generation\":%lld,\"serial\":\"%s\"}", (long long)generation, serial);
	r = store_write_now(t->conf.store, note, &x);
	return r ? err_set(e, r, "it was done, but its entry could not be written: %s", strerror(-r)) : 0;
}
