#include "http_int.h"
#include "clock.h"
#include "rnd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_AT_ONCE = 64, BACKLOG = 4096, USER_TIMEOUT_MS = 30000, KEEPALIVE_IDLE_S = 60, KEEPALIVE_EVERY_S = 20 };

static _Thread_local const struct http_base *here;

void http_base_post(struct http_base *b, struct http_mail *m)
{
	struct http_mail *top = atomic_load_explicit(&b->mail, memory_order_relaxed);
	do
		m->next = top;
	while (!atomic_compare_exchange_weak_explicit(&b->mail, &top, m, memory_order_release, memory_order_relaxed));
	/* Whoever finds the box empty rings; the others know that it has been rung. */
	if (!top && eventfd_write(b->mail_fd, 1)) {
		/* The counter cannot overflow: it is reset by each drain. */
	}
}

bool http_base_here(const struct http_base *b)
{
	return here == b;
}

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct http_base *b = arg;
	(void)what;
	eventfd_t n;
	eventfd_read(fd, &n);
	struct http_mail *top = atomic_exchange_explicit(&b->mail, NULL, memory_order_acquire), *first = NULL;
	while (top) { /* it is a stack: turn it round, so that the order of posting holds */
		struct http_mail *next = top->next;
		top->next = first;
		first = top;
		top = next;
	}
	while (first) {
		struct http_mail *m = first;
		first = m->next;
		m->fn(m->arg); /* may free m */
	}
	http_base_bury(b);
}

static void rest(struct http_door *d)
{
	event_del(&d->accept);
	d->resting = true;
}

static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {{IPPROTO_TCP, TCP_NODELAY, 1}, {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
	    {SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
	    {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S}, {IPPROTO_TCP, TCP_KEEPCNT, 3}};
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

static void address_text(const struct sockaddr_storage *a, char *dst, size_t size)
{
	dst[0] = 0;
	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, dst, (socklen_t)size);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, dst, (socklen_t)size);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct http_door *d = arg;
	struct http_server *s = d->base->server;
	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct sockaddr_storage a;
		socklen_t n = sizeof a;
		int peer = accept4(fd, (struct sockaddr *)&a, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (peer < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				rest(d);
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			break;
		}
		if (atomic_fetch_add(&d->port->connections, 1) >= d->port->conf.max_connections) {
			atomic_fetch_sub(&d->port->connections, 1);
			atomic_fetch_add(&s->refused, 1);
			close(peer);
			continue;
		}
		char address[46];
		address_text(&a, address, sizeof address);
		set_options(peer);
		atomic_fetch_add(&s->accepted, 1);
		http_conn_open(d, peer, address);
	}
	http_base_bury(d->base);
}

static void stop_if_done(struct http_base *b, int64_t now)
{
	if (now > b->stop_us)
		for (size_t i = 0; i < b->server->n_ports; i++)
			for (int p = 0; p < PHASE_COUNT; p++)
				while (!TAILQ_EMPTY(&b->doors[i].phases[p]))
					http_conn_close(TAILQ_FIRST(&b->doors[i].phases[p]));
	http_base_bury(b);
	if (!b->n_conns && !b->n_reqs && !atomic_load(&b->mail))
		event_base_loopbreak(b->events);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http_base *b = arg;
	int64_t now = clock_mono_us();
	(void)fd;
	(void)what;
	for (size_t i = 0; i < b->server->n_ports; i++) {
		struct http_door *d = &b->doors[i];
		for (int p = 0; p < PHASE_COUNT; p++) {
			struct http_conn *c;
			while (p != PHASE_WORKING && (c = TAILQ_FIRST(&d->phases[p])) && c->deadline_us <= now)
				http_conn_late(c);
		}
		if (d->resting && !b->stopping) {
			d->resting = false;
			event_add(&d->accept, NULL);
		}
	}
	http_base_bury(b);
	if (b->stopping)
		stop_if_done(b, now);
}

void http_base_bury(struct http_base *b)
{
	struct http_conn *c;
	while ((c = TAILQ_FIRST(&b->grave))) {
		TAILQ_REMOVE(&b->grave, c, in_phase);
		free(c->in);
		free(c->out);
		free(c);
	}
}

static void *run(void *arg)
{
	struct http_base *b = arg;
	here = b;
	event_base_loop(b->events, 0);
	return NULL;
}

/* Signals are for the program's own thread; SIGPIPE with them. */
int http_base_run(struct http_base *b)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&b->thread, NULL, run, b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	b->running = !r;
	return -r;
}

/* Bases share their port, but not with another program: who comes first listens once without sharing. */
static int nobody_else(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	if (fd < 0)
		return -errno;
	int r = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) || bind(fd, a, n) || listen(fd, 1) ? -errno
	                                                                                                      : 0;
	close(fd);
	return r;
}

static int listen_on(struct http_port *port, bool first, int *ret_fd, struct err *e)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port->number)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port->number)};
	bool is_six = inet_pton(AF_INET6, port->address, &six.sin6_addr) == 1;
	if (!is_six && inet_pton(AF_INET, port->address, &four.sin_addr) != 1)
		return err_set(e, -EINVAL, "'%s' is no address to listen on", port->address);
	const struct sockaddr *a = is_six ? (const void *)&six : (const void *)&four;
	socklen_t n = is_six ? sizeof six : sizeof four;
	int r = first && port->number ? nobody_else(a, n) : 0;
	if (r)
		return err_set(e, r, "%s port %u: %s", port->address, port->number, strerror(-r));
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_storage bound;
	socklen_t bound_n = sizeof bound;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) || bind(fd, a, n) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&bound, &bound_n)) {
		r = err_set(e, -errno, "%s port %u: %s", port->address, port->number, strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	port->number = ntohs(
	    is_six ? ((struct sockaddr_in6 *)&bound)->sin6_port : ((struct sockaddr_in *)&bound)->sin_port);
	*ret_fd = fd;
	return 0;
}

static int open_doors(struct http_base *b, struct err *e)
{
	struct http_server *s = b->server;
	for (size_t i = 0; i < s->n_ports; i++) {
		struct http_door *d = &b->doors[i];
		*d = (struct http_door){.base = b, .port = &s->ports[i], .fd = -1};
		for (int p = 0; p < PHASE_COUNT; p++)
			TAILQ_INIT(&d->phases[p]);
	}
	for (size_t i = 0; i < s->n_ports; i++) {
		struct http_door *d = &b->doors[i];
		int r = listen_on(d->port, b->index == 0, &d->fd, e);
		if (r)
			return r;
		event_assign(&d->accept, b->events, d->fd, EV_READ | EV_PERSIST, on_accept, d);
		event_add(&d->accept, NULL);
	}
	return 0;
}

static struct event_base *make_events(void)
{
	struct event_config *c = event_config_new();
	if (!c)
		return NULL;
	event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
	struct event_base *e = event_base_new_with_config(c);
	event_config_free(c);
	return e;
}

int http_base_new(struct http_server *s, size_t index, struct http_base **ret, struct err *e)
{
	struct http_base *b = calloc(1, sizeof *b);
	if (!b)
		return err_set(e, -ENOMEM, "no memory");
	int r = -ENOMEM;
	b->server = s;
	b->index = index;
	TAILQ_INIT(&b->grave);
	rnd_bytes(&b->id_prefix, sizeof b->id_prefix);
	b->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	b->events = make_events();
	b->doors = calloc(s->n_ports, sizeof *b->doors);
	if (b->mail_fd < 0 || !b->events || !b->doors) {
		err_set(e, r, "no memory or descriptors for an event loop");
		goto out;
	}
	event_assign(&b->mail_event, b->events, b->mail_fd, EV_READ | EV_PERSIST, on_mail, b);
	event_add(&b->mail_event, NULL);
	event_assign(&b->tick, b->events, -1, EV_PERSIST, on_tick, b);
	event_add(&b->tick, &(struct timeval){.tv_usec = HTTP_TICK_MS * 1000});
	r = open_doors(b, e);
out:
	if (r)
		http_base_free(b);
	else
		*ret = b;
	return r;
}

void http_base_free(struct http_base *b)
{
	if (!b)
		return;
	for (size_t i = 0; b->doors && i < b->server->n_ports; i++)
		if (b->doors[i].base && b->doors[i].fd >= 0)
			close(b->doors[i].fd);
	free(b->doors);
	if (b->events)
		event_base_free(b->events);
	if (b->mail_fd >= 0)
		close(b->mail_fd);
	free(b);
}
