#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Connections are many and mostly idle; sessions are not resumed, so that every connection proves its certificate. */
static SSL_CTX *client_context(struct pki_tls_check *check)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (check->trust)
		pki_tls_verify(ctx, check);
	return ctx;
}

/* The same pin stands in every token of one centre. Both listeners present a chain up to the pinned root. */
static int open_tls(struct run *run, struct err *e)
{
	if (run->tokens && run->tokens->n) {
		int r = pki_trust_pin(run->tokens->token[0].pin, &run->pin);
		if (r)
			return err_set(e, r, "the token's pin");
	}
	run->enrol_check = (struct pki_tls_check){.trust = run->pin, .host = run->config.enrol_host};
	run->agents_check = (struct pki_tls_check){.trust = run->pin, .host = run->config.agents_host};
	run->enrol_ctx = client_context(&run->enrol_check);
	run->agents_ctx = client_context(&run->agents_check);
	return run->enrol_ctx && run->agents_ctx ? 0 : err_set(e, -ENOMEM, "no TLS context");
}

static int read_file(const char *path, struct buf *b, struct err *e)
{
	char piece[4096];
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
		buf_add(b, piece, n);
	int r = ferror(f) ? -EIO : b->error;
	fclose(f);
	return r ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
}

/* All computers speak with one certificate of somebody else's: for measuring a peer with the phase get. */
static int borrow_identity(struct run *run, struct err *e)
{
	struct buf cert = BUF_INIT(65536), key = BUF_INIT(PKI_MAX_KEY);
	const struct run_config *k = &run->config;
	struct pki_key *read = NULL;
	X509 *x = NULL;
	int r = read_file(k->get_cert, &cert, e);
	if (!r)
		r = read_file(k->get_key, &key, e);
	if (!r)
		r = pki_cert_parse(buf_str(&cert), &x, e);
	if (!r)
		r = pki_key_read(buf_str(&key), &read, e);
	for (size_t i = 0; !r && i < run->n; i++) {
		struct computer *c = &run->computer[i];
		client_free(c->client);
		c->client = client_new(run->base, run->agents_ctx, k->agents_host, k->agents_port);
		if (!c->client)
			r = -ENOMEM;
		else
			client_identity(c->client, x, pki_key_evp(read));
	}
	X509_free(x);
	pki_key_free(read);
	buf_release(&cert);
	buf_release(&key);
	return r;
}

static int open_computers(struct run *run)
{
	run->computer = calloc(run->plan.n ? run->plan.n : 1, sizeof *run->computer);
	if (!run->computer)
		return -ENOMEM;
	for (size_t i = 0; i < run->plan.n; i++) {
		run->n = i + 1;
		int r = computer_init(&run->computer[i], run, &run->plan.machine[i]);
		if (r)
			return r;
	}
	return 0;
}

int run_open(struct run *run, struct err *e)
{
	if (sodium_init() < 0)
		return err_set(e, -EIO, "no cryptography");
	run->base = event_base_new();
	run->tokens = calloc(1, sizeof *run->tokens);
	if (!run->base || !run->tokens)
		return -ENOMEM;
	int r = run->config.tokens_path ? tokens_read(run->tokens, run->config.tokens_path, e) : 0;
	if (!r)
		r = open_tls(run, e);
	if (!r)
		r = open_computers(run);
	if (!r && run->config.get_cert)
		r = borrow_identity(run, e);
	return r;
}

void run_close(struct run *run)
{
	for (size_t i = 0; i < run->n; i++)
		computer_release(&run->computer[i]);
	free(run->computer);
	plan_release(&run->plan);
	if (run->tokens)
		free(run->tokens->token);
	free(run->tokens);
	SSL_CTX_free(run->enrol_ctx);
	SSL_CTX_free(run->agents_ctx);
	pki_trust_free(run->pin);
	if (run->base)
		event_base_free(run->base);
	OPENSSL_cleanup();
}
