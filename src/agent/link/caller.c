#include "caller.h"
#include "bounds.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACK = 512 * 1024, MAX_PATH = 64 };

enum phase { IDLE, CALLING, ANSWERED };

struct caller {
	int wake_fd;
	struct https_client *client; /* used by the thread while CALLING, else by the owner */
	pthread_t thread;
	bool has_thread;      /* to be joined */
	pthread_mutex_t lock; /* over phase alone: it hands the rest over */
	enum phase phase;
	char path[MAX_PATH];
	struct buf body;
	const char *const *headers;
	int total_ms;
	struct https_answer answer;
};

int caller_new(int wake_fd, struct caller **ret)
{
	struct caller *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->wake_fd = wake_fd;
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

static enum phase phase_of(struct caller *c)
{
	pthread_mutex_lock(&c->lock);
	enum phase phase = c->phase;
	pthread_mutex_unlock(&c->lock);
	return phase;
}

static void set_phase(struct caller *c, enum phase phase)
{
	pthread_mutex_lock(&c->lock);
	c->phase = phase;
	pthread_mutex_unlock(&c->lock);
}

static void join(struct caller *c)
{
	if (c->has_thread)
		pthread_join(c->thread, NULL);
	c->has_thread = false;
}

void caller_free(struct caller *c)
{
	if (!c)
		return;
	if (c->client && phase_of(c) == CALLING)
		https_interrupt(c->client);
	join(c);
	if (c->phase == ANSWERED)
		https_answer_release(&c->answer);
	https_client_free(c->client);
	buf_release(&c->body);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int caller_configure(struct caller *c, const struct https_config *config, struct err *e)
{
	struct https_client *client = NULL;
	int r = https_client_new(config, &client, e);
	if (r)
		return r;
	https_client_free(c->client);
	c->client = client;
	return 0;
}

void caller_rest(struct caller *c)
{
	https_client_free(c->client);
	c->client = NULL;
}

bool caller_is_configured(const struct caller *c)
{
	return c->client;
}

static void *call(void *arg)
{
	struct caller *c = arg;
	struct https_request q = {.method = "POST",
	    .path = c->path,
	    .content_type = "application/json",
	    .body = c->body.p,
	    .n = c->body.n,
	    .headers = c->headers,
	    .total_ms = c->total_ms};
	struct https_answer answer = {0};
	int r = https_call(c->client, &q, &answer);
	if (r) {
		answer.outcome = HTTPS_BROKEN;
		answer.retry_after_s = -1;
		err_set(&answer.why, r, "the call could not be made: %s", strerror(-r));
	}
	c->answer = answer;
	set_phase(c, ANSWERED);
	uint64_t one = 1;
	if (write(c->wake_fd, &one, sizeof one) < 0) {
		/* its counter is full: the owner is awake anyway */
	}
	return NULL;
}

static int start_thread(struct caller *c)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r = pthread_attr_init(&attr);
	if (r)
		return -r;
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the owner's */
	r = pthread_create(&c->thread, &attr, call, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	c->has_thread = r == 0;
	return -r;
}

int caller_start(struct caller *c, const char *path, struct buf *body, const char *const *headers, int total_ms)
{
	if (!c->client || phase_of(c) != IDLE || strlen(path) >= MAX_PATH)
		return -EINVAL;
	if (body->error)
		return body->error;
	buf_release(&c->body);
	c->body = *body;
	*body = BUF_INIT(body->max);
	memcpy(c->path, path, strlen(path) + 1);
	c->headers = headers;
	c->total_ms = total_ms;
	set_phase(c, CALLING);
	int r = start_thread(c);
	if (r)
		set_phase(c, IDLE);
	return r;
}

bool caller_is_busy(const struct caller *c)
{
	return phase_of((struct caller *)c) != IDLE;
}

bool caller_take(struct caller *c, struct https_answer *ret)
{
	if (phase_of(c) != ANSWERED)
		return false;
	join(c);
	buf_release(&c->body);
	*ret = c->answer;
	c->answer = (struct https_answer){0};
	set_phase(c, IDLE);
	return true;
}

void caller_interrupt(struct caller *c)
{
	if (c->client && phase_of(c) == CALLING)
		https_interrupt(c->client);
}
