#include "http_int.h"
#include "clock.h"

#include <unistd.h>

static int copy_listeners(struct http_server *s, const struct http_config *c)
{
	s->ports = calloc(c->n_listeners, sizeof *s->ports);
	if (!s->ports)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_listeners; i++) {
		struct http_port *p = &s->ports[i];
		p->conf = c->listeners[i];
		p->index = i;
		p->number = c->listeners[i].port;
		p->address = strdup(c->listeners[i].address);
		if (!p->address)
			return -ENOMEM;
		s->n_ports++;
	}
	return 0;
}

static void free_server(struct http_server *s)
{
	for (size_t i = 0; i < s->n_bases; i++)
		http_base_free(s->bases[i]);
	free(s->bases);
	for (size_t i = 0; i < s->n_ports; i++)
		free(s->ports[i].address);
	free(s->ports);
	SSL_CTX_free(s->tls[HTTP_PEER_ANY]);
	SSL_CTX_free(s->tls[HTTP_PEER_CERTIFIED]);
	pthread_mutex_destroy(&s->tls_lock);
	free(s);
}

static int make_bases(struct http_server *s, int wanted, struct err *e)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = wanted > 0 ? (size_t)wanted : cores > 0 ? (size_t)cores : 1;
	s->bases = calloc(n, sizeof *s->bases);
	if (!s->bases)
		return err_set(e, -ENOMEM, "no memory");
	for (; s->n_bases < n; s->n_bases++) {
		int r = http_base_new(s, s->n_bases, &s->bases[s->n_bases], e);
		if (r)
			return r;
	}
	return 0;
}

int http_start(struct http_server **ret, const struct http_config *c, const struct http_tls *tls, struct err *e)
{
	struct http_server *s = calloc(1, sizeof *s);
	if (!s)
		return err_set(e, -ENOMEM, "no memory");
	pthread_mutex_init(&s->tls_lock, NULL);
	s->answered = c->answered;
	s->answered_arg = c->answered_arg;
	int r = copy_listeners(s, c);
	if (!r)
		r = http_tls_contexts(tls, s->tls, e);
	for (size_t i = 0; !r && i < s->n_ports; i++)
		if (!s->tls[s->ports[i].conf.peer])
			r = err_set(e, -EINVAL, "a listener for certified peers needs the CAs of clients");
	if (!r)
		r = make_bases(s, c->bases, e);
	for (size_t i = 0; !r && i < s->n_bases; i++)
		r = http_base_run(s->bases[i]);
	if (!r)
		*ret = s;
	else if (s->n_bases && s->bases[0]->running)
		http_stop(s);
	else
		free_server(s);
	return r ? err_set(e, r, "cannot start") : 0;
}

int http_set_tls(struct http_server *s, const struct http_tls *tls, struct err *e)
{
	SSL_CTX *fresh[2], *old[2];
	if (s->tls[HTTP_PEER_CERTIFIED] && !tls->client_cas_pem)
		return err_set(e, -EINVAL, "TLS: the CAs of clients are missing");
	int r = http_tls_contexts(tls, fresh, e);
	if (r)
		return r;
	pthread_mutex_lock(&s->tls_lock);
	memcpy(old, s->tls, sizeof old);
	memcpy(s->tls, fresh, sizeof fresh);
	pthread_mutex_unlock(&s->tls_lock);
	SSL_CTX_free(old[0]); /* connections hold references of their own */
	SSL_CTX_free(old[1]);
	return 0;
}

uint16_t http_port(const struct http_server *s, size_t listener)
{
	return s->ports[listener].number;
}

size_t http_bases(const struct http_server *s)
{
	return s->n_bases;
}

static void stop_base(void *arg)
{
	struct http_base *b = arg;
	b->stopping = true;
	b->stop_us = clock_mono_us() + HTTP_STOP_MS * 1000;
	for (size_t i = 0; i < b->server->n_ports; i++) {
		struct http_door *d = &b->doors[i];
		if (!d->resting)
			event_del(&d->accept);
		close(d->fd);
		d->fd = -1;
		for (int p = PHASE_HANDSHAKE; p <= PHASE_IDLE; p++)
			while (!TAILQ_EMPTY(&d->phases[p]))
				http_conn_close(TAILQ_FIRST(&d->phases[p]));
	}
}

void http_stop(struct http_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_bases; i++)
		if (s->bases[i]->running)
			http_on_base(s, i, stop_base, s->bases[i]);
	for (size_t i = 0; i < s->n_bases; i++)
		if (s->bases[i]->running)
			pthread_join(s->bases[i]->thread, NULL);
	free_server(s);
}

/* A letter with nothing but a function to call. */
struct note {
	struct http_mail mail;
	void (*fn)(void *arg);
	void *arg;
};

static void open_note(void *arg)
{
	struct note n = *(struct note *)arg;
	free(arg);
	n.fn(n.arg);
}

void http_on_base(struct http_server *s, size_t i, void (*fn)(void *arg), void *arg)
{
	struct note *n = malloc(sizeof *n);
	if (!n)
		abort(); /* a wake-up that is lost would hang somebody for ever */
	*n = (struct note){.mail = {.fn = open_note, .arg = n}, .fn = fn, .arg = arg};
	http_base_post(s->bases[i], &n->mail);
}

struct closing {
	struct http_base *base;
	uint8_t key_hash[32];
};

static void close_peer(void *arg)
{
	struct closing *x = arg;
	http_conn_close_peer(x->base, x->key_hash);
	free(x);
}

void http_close_peer(struct http_server *s, const uint8_t key_hash[32])
{
	for (size_t i = 0; i < s->n_bases; i++) {
		struct closing *x = malloc(sizeof *x);
		if (!x)
			abort(); /* a revoked peer would stay */
		x->base = s->bases[i];
		memcpy(x->key_hash, key_hash, sizeof x->key_hash);
		http_on_base(s, i, close_peer, x);
	}
}

void http_get_stats(struct http_server *s, struct http_stats *ret)
{
	*ret = (struct http_stats){
	    .accepted = atomic_load(&s->accepted),
	    .refused = atomic_load(&s->refused),
	    .requests = atomic_load(&s->requests),
	    .timed_out = atomic_load(&s->timed_out),
	    .handshake_failed = atomic_load(&s->handshake_failed),
	};
	for (size_t i = 0; i < s->n_ports; i++)
		ret->connections += atomic_load(&s->ports[i].connections);
}
