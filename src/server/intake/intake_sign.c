#include "intake_int.h"
#include "ca_client.h"

enum { MAX_WAITING = 1024, TIMEOUT_MS = 10000 };

STAILQ_HEAD(sign_jobs, sign_job);

struct signer {
	pthread_mutex_t lock;
	pthread_cond_t work;
	pthread_t thread;
	bool running, ends;
	struct sign_jobs jobs;
	size_t n;
	struct ca_client *ca;
};

/* The next jobs, as many as khien-ca takes at once: they share one sync of its log. 0: the signer ends. */
static size_t next_jobs(struct signer *s, struct sign_job *ret[CA_MAX_BATCH])
{
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	while (!s->n && !s->ends)
		pthread_cond_wait(&s->work, &s->lock);
	for (; n < CA_MAX_BATCH && s->n; n++, s->n--) {
		ret[n] = STAILQ_FIRST(&s->jobs);
		STAILQ_REMOVE_HEAD(&s->jobs, next);
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void sign(struct signer *s, struct sign_job *jobs[CA_MAX_BATCH], size_t n)
{
	struct ca_agent_request v[CA_MAX_BATCH] = {0};
	struct err e = {0};
	for (size_t i = 0; i < n; i++) {
		v[i].csr_pem = jobs[i]->csr_pem;
		v[i].machine = jobs[i]->machine;
	}
	int r = ca_sign_agents(s->ca, v, n, &e);
	for (size_t i = 0; i < n; i++) {
		struct sign_job *j = jobs[i];
		j->result = r ? r : v[i].result;
		j->cert_pem = j->result ? NULL : v[i].cert_pem;
		j->err = r ? e : v[i].err;
		j->done(j);
	}
}

static void *run(void *arg)
{
	struct signer *s = arg;
	struct sign_job *jobs[CA_MAX_BATCH];
	size_t n;
	while ((n = next_jobs(s, jobs)))
		sign(s, jobs, n);
	return NULL;
}

int signer_new(const char *ca_socket, struct signer **ret)
{
	struct signer *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	STAILQ_INIT(&s->jobs);
	int r = ca_client_new(ca_socket, TIMEOUT_MS, &s->ca);
	if (!r)
		r = -pthread_create(&s->thread, NULL, run, s);
	s->running = !r;
	if (r)
		signer_free(s);
	else
		*ret = s;
	return r;
}

int signer_ask(struct signer *s, struct sign_job *j)
{
	pthread_mutex_lock(&s->lock);
	bool full = s->n >= MAX_WAITING;
	if (!full) {
		STAILQ_INSERT_TAIL(&s->jobs, j, next);
		s->n++;
		pthread_cond_signal(&s->work);
	}
	pthread_mutex_unlock(&s->lock);
	return full ? -EAGAIN : 0;
}

void signer_free(struct signer *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->ends = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	if (s->running)
		pthread_join(s->thread, NULL);
	ca_client_free(s->ca);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
